// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import Synchronization

/// What the run tells a media thread.
enum LoopCommand: Sendable {
    /// Let somebody join.
    case join(JoinOrder)
    /// Everybody is there: the call begins, and lasts until then.
    case begin(Timestamp, until: Timestamp)
    /// Send no more media and messages; go on receiving.
    case stopSending
    /// Count up and end.
    case finish
}

/// Between the run and one media thread.
final class LoopMailbox: Sendable {
    let wakeUp: WakeUp
    private let commands = Mutex<[LoopCommand]>([])
    private let outcome = Mutex<LoopStatistics?>(nil)

    /// Numbers for the live table; the thread writes them once per turn.
    let connected = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    /// Participants whose bridge channel is open, and those whose channel is open or never will be.
    let openChannels = Atomic<Int>(0)
    let settledChannels = Atomic<Int>(0)
    let received = Atomic<UInt64>(0)
    let sent = Atomic<UInt64>(0)
    let altered = Atomic<UInt64>(0)
    let processorNanoseconds = Atomic<Int64>(0)
    /// After sending has stopped: publications in a row without a packet or message, and how many are missing then.
    let quietTurns = Atomic<Int>(0)
    let missing = Atomic<UInt64>(0)

    init() throws(SystemError) {
        wakeUp = try WakeUp()
    }

    func post(_ command: LoopCommand) {
        commands.withLock { $0.append(command) }
        wakeUp.wake()
    }

    func take() -> [LoopCommand] {
        commands.withLock { list in
            let taken = list
            list = []
            return taken
        }
    }

    func finish(_ statistics: LoopStatistics) {
        outcome.withLock { $0 = statistics }
    }

    /// What the thread counted, once it has ended.
    var statistics: LoopStatistics? { outcome.withLock { $0 } }
}
