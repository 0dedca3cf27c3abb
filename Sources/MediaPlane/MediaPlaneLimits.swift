// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What bounds one turn of the worker's loop (house rule 2.9), so that no input can starve another.
public enum MediaPlaneLimits {
    /// Commands taken per turn.
    static let commandsPerTurn = 64
    /// Packets to data channels that one turn encrypts and sends: a tenth of a millisecond.
    static let recordsPerTurn = 32
    /// The same while media is left over for the next turn. A key frame for a hundred receivers takes twenty turns.
    static let recordsBesideMedia = 1
    /// Packets to receivers that one turn sends: half a millisecond's work on a slow core. With 1,024 three people
    /// beside a meeting of 400 had a transit of 3.2 ms at the 99th percentile, with 256 of 0.7 to 1.5 ms.
    static let packetsPerTurn = 256
    /// Kernel messages that the egress batch holds: as many as one system call takes (UIO_MAXIOV).
    static let egressMessages = 1_024
    /// Bytes that it holds: everything that may wait for one receiver, in slots of full size.
    static let egressBytes = 1 << 20
    /// Room that must be left in the egress batch before a datagram is taken: a session's answers to one datagram.
    static let sideDoorDatagrams = 48
    /// How long the loop waits when the control plane does not take its events.
    static let fullRingPause = TimeDelta.milliseconds(2)
    /// Turns after a pause of the process in which timers wait for what lies in the sockets.
    static let catchUpTurns = 512
    /// Sockets that wait to be taken over.
    static let socketRing = 64
    /// Peers that take no trains and wait to be told.
    static let trainRefusalRing = 64
    /// Age at which a worker's certificate is replaced for new sessions (media-plane.md 2).
    public static let certificateAge = TimeDelta.seconds(86_400 as Int64)
}
