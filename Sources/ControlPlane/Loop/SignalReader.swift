// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
internal import PacketIO
internal import Primitives

/// Turns SIGTERM, SIGINT and SIGHUP into calls on the control loop. Make it before any other thread starts.
final class SignalReader: LoopTask {
    private let descriptor: Int32
    /// Called with the signal's number.
    var onSignal: (Int32, Timestamp) -> Void = { _, _ in }

    init() throws(SystemError) {
        let result = viaduct_signals_open()
        guard result >= 0 else { throw SystemError(call: "signalfd", errno: -result) }
        descriptor = result
    }

    deinit {
        close(descriptor)
    }

    func attach(to loop: ControlLoop) throws(SystemError) {
        _ = try loop.watch(descriptor: descriptor, for: self)
        loop.add(self)
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        let signal = viaduct_signals_read(descriptor)
        if signal != 0 { onSignal(signal, now) }
    }
}
