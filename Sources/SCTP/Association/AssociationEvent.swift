// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What an association tells its owner.
public enum AssociationEvent: Sendable, Equatable {
    /// Messages can flow.
    case connected
    /// The peer began anew: everything in both directions that was under way is lost, streams begin at 0.
    case restarted
    /// A message.
    case message(ReceivedMessage)
    /// The peer will send no more on these streams until it begins them anew; on all when there is none.
    case peerReset([UInt16])
    /// Our own streams begin anew; `isDone`: the peer agreed.
    case ownReset([UInt16], isDone: Bool)
    /// The send buffer was full and has room again.
    case writable
    /// It is over.
    case ended(EndReason)
}
