// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
internal import PacketIO
internal import Primitives
internal import Synchronization

/// Writes log lines on a thread of its own, so that nobody waits for the reader of the log, however slow.
///
/// Lines wait in a buffer of ``ControlPlaneLimits/logBufferBytes``. When it is full further lines are dropped; how many
/// is told as soon as there is room. Errors of the descriptor drop what they met: a log without a reader is silent.
final class LogWriter: Sendable {
    private struct Waiting {
        var bytes: [UInt8] = []
        /// Lines that found no room behind these bytes.
        var dropped = 0
        /// Whether the thread is writing what it took.
        var isWriting = false
        var isEnding = false

        var isEmpty: Bool { bytes.isEmpty && dropped == 0 && !isWriting }
    }

    /// What the thread shares with those who log.
    private final class Mailbox: Sendable {
        let waiting = Mutex(Waiting())
        /// Wakes the thread.
        let wake: WakeUp
        /// Tells ``finish()`` that all is written.
        let idle: WakeUp

        init() throws(SystemError) {
            wake = try WakeUp()
            idle = try WakeUp()
        }
    }

    private let mailbox: Mailbox

    /// Starts the thread.
    /// - Parameters:
    ///   - descriptor: where lines go; the writer has a copy of its own.
    ///   - dropped: the line that tells of so many dropped ones.
    init(descriptor: Int32, dropped: @escaping @Sendable (Int) -> String) throws(SystemError) {
        let mailbox = try Mailbox()
        self.mailbox = mailbox
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError(call: "copy the log's descriptor", errno: errno) }
        do throws(SystemError) {
            _ = try PinnedThread.start(name: "log", stackBytes: ControlPlaneLimits.logStackBytes) {
                viaduct_block_broken_pipes()
                Self.run(mailbox, copy, dropped)
                close(copy)
            }
        } catch {
            close(copy)
            throw error
        }
    }

    /// Takes a line; never waits.
    func write(_ line: String) {
        let isFirst = mailbox.waiting.withLock { waiting in
            let isFirst = waiting.bytes.isEmpty && waiting.dropped == 0
            let room = ControlPlaneLimits.logBufferBytes - waiting.bytes.count
            // After a drop nothing more until that is told: the lines stay in order.
            guard waiting.dropped == 0, line.utf8.count < room else {
                waiting.dropped += 1
                return isFirst
            }
            waiting.bytes.append(contentsOf: line.utf8)
            waiting.bytes.append(UInt8(ascii: "\n"))
            return isFirst
        }
        if isFirst { mailbox.wake.wake() }
    }

    /// Waits until all is written, but not longer than ``ControlPlaneLimits/logEndTime``, and ends the thread.
    func finish() {
        mailbox.waiting.withLock { $0.isEnding = true }
        mailbox.wake.wake()
        // The thread that writes was stopped as long as this one: that time is not counted.
        var clock = LoopClock()
        let end = clock.tick() + ControlPlaneLimits.logEndTime
        while !mailbox.waiting.withLock({ $0.isEmpty }) {
            let now = clock.tick()
            let rest = clock.sleep(until: end, from: now) - now
            guard rest > .zero else { return }
            var idle = pollfd(fd: mailbox.idle.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&idle, 1, max(1, Int32(clamping: rest.milliseconds)))
            mailbox.idle.drain()
        }
    }

    deinit {
        mailbox.waiting.withLock { $0.isEnding = true }
        mailbox.wake.wake()
    }

    private static func run(_ mailbox: Mailbox, _ descriptor: Int32, _ dropped: (Int) -> String) {
        // Ends: by `finish()`, or with its writer.
        while true {
            var wait = pollfd(fd: mailbox.wake.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, -1)
            mailbox.wake.drain()
            while let (bytes, lost) = take(mailbox) {
                writeAll(bytes, to: descriptor)
                if lost > 0 { writeAll(Array((dropped(lost) + "\n").utf8), to: descriptor) }
                mailbox.waiting.withLock { $0.isWriting = false }
            }
            mailbox.idle.wake()
            if mailbox.waiting.withLock({ $0.isEnding && $0.isEmpty }) { return }
        }
    }

    /// What waits, and how many lines were dropped behind it.
    private static func take(_ mailbox: Mailbox) -> ([UInt8], Int)? {
        mailbox.waiting.withLock { waiting in
            guard !waiting.bytes.isEmpty || waiting.dropped > 0 else { return nil }
            defer {
                waiting.bytes = []
                waiting.dropped = 0
                waiting.isWriting = true
            }
            return (waiting.bytes, waiting.dropped)
        }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.write(descriptor, raw.baseAddress.map { $0 + offset }, raw.count - offset)
            }
            if count > 0 {
                offset += count
            } else if count < 0, errno == EAGAIN {
                // Whoever gave us the descriptor does not want it to block.
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&room, 1, -1)
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}
