// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
internal import Synchronization

/// A thread with a name, tied to one processor where asked.
public final class PinnedThread: Sendable {
    private let handle: Mutex<pthread_t?>

    private final class Start {
        let name: String
        let cpu: Int?
        let body: @Sendable () -> Void

        init(name: String, cpu: Int?, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.cpu = cpu
            self.body = body
        }
    }

    private init(_ handle: pthread_t) {
        self.handle = Mutex(handle)
    }

    /// Starts a thread that runs `body` and ends with it.
    ///
    /// - Parameters:
    ///   - name: as shown by `top -H` and debuggers; cut to 15 bytes.
    ///   - cpu: the processor to stay on; `nil` leaves the choice to the kernel, as does one that does not exist.
    ///   - stackBytes: size of the stack; only pages that are used take memory.
    public static func start(
        name: String, cpu: Int? = nil, stackBytes: Int = 1 << 20, body: @escaping @Sendable () -> Void
    ) throws(SystemError) -> PinnedThread {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, max(stackBytes, 1 << 16))
        let start = Unmanaged.passRetained(Start(name: name, cpu: cpu, body: body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                viaduct_name_thread(
                    String(decoding: start.name.utf8.prefix(PacketIOLimits.threadNameBytes), as: UTF8.self))
                if let cpu = start.cpu { _ = viaduct_pin_thread(Int32(clamping: cpu)) }
                start.body()
                return nil
            }, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw SystemError(call: "start thread \(name)", errno: result)
        }
        return PinnedThread(thread)
    }

    /// Keeps the calling thread, and those that it starts without a processor of their own, off a pinned one's
    /// processor. Where there is no other nothing changes.
    public static func leave(cpu: Int) {
        _ = viaduct_leave_cpu(Int32(clamping: cpu))
    }

    /// Waits until the thread has ended. A second call returns at once.
    public func join() {
        let thread = handle.withLock { current in
            defer { current = nil }
            return current
        }
        if let thread { pthread_join(thread, nil) }
    }

    deinit {
        handle.withLock { current in
            if let thread = current { pthread_detach(thread) }
        }
    }
}
