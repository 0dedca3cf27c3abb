// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The steps of the end: the focus is told, has time to move people away, streams are closed, all stops.
///
/// It is told facts and says what is to be done next; doing it is the bridge's.
struct ShutdownSequence {
    /// What the bridge is to do.
    enum Task: Hashable {
        /// Tell the focus and systemd that the end has begun.
        case announce
        /// Leave the rooms and close the streams.
        case disconnect
        /// Stop the threads and the loop.
        case finish
    }

    private enum Step {
        /// The bridge serves.
        case serving
        /// The focus knows; streams stay open until then.
        case announced(until: Timestamp)
        /// Streams are being closed; who has not answered until then is left.
        case disconnecting(until: Timestamp)
        /// All is closed.
        case done
    }

    private var step = Step.serving
    /// What the process ends with, once it is known.
    private(set) var exitStatus: Int32?

    /// When the next step is due at the latest.
    var nextTimeout: Timestamp? {
        switch step {
        case .announced(let until), .disconnecting(let until): until
        case .serving, .done: nil
        }
    }

    /// Whether the streams are being closed, so that a new one is closed too.
    var isDisconnecting: Bool {
        if case .disconnecting = step { true } else { false }
    }

    /// The end is asked for. Who asks again gets it at once.
    /// - Parameter grace: how long the focus may take to move people away.
    mutating func begin(status: Int32, grace: TimeDelta, at now: Timestamp) -> [Task] {
        guard exitStatus == nil else {
            if case .done = step { return [] }
            step = .done
            // What is written now still reaches the server: no ghost of us stays in the rooms.
            return [.disconnect, .finish]
        }
        exitStatus = status
        step = .announced(until: now + grace)
        return [.announce]
    }

    /// The focus needs no more time.
    mutating func skipGrace(at now: Timestamp) -> Task? {
        guard case .announced = step else { return nil }
        return disconnect(at: now)
    }

    /// Goes on to the next step when it is time or nothing is left to wait for.
    /// - Parameters:
    ///   - conferences: how many there are.
    ///   - areConnectionsClosed: whether every stream is closed.
    /// - Returns: what is due; ask again when it is done.
    mutating func advance(
        conferences: @autoclosure () -> Int, areConnectionsClosed: @autoclosure () -> Bool, at now: Timestamp
    ) -> Task? {
        switch step {
        case .announced(let until): return until <= now || conferences() == 0 ? disconnect(at: now) : nil
        case .disconnecting(let until):
            guard until <= now || areConnectionsClosed() else { return nil }
            step = .done
            return .finish
        case .serving, .done: return nil
        }
    }

    private mutating func disconnect(at now: Timestamp) -> Task {
        step = .disconnecting(until: now + ControlPlaneLimits.closeTime)
        return .disconnect
    }
}
