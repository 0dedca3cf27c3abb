// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What an agent refused or did, by reason. For statistics and tests.
public struct ICECounters: Hashable, Sendable, BitwiseCopyable {
    /// Requests answered with success.
    public internal(set) var requestsAnswered: UInt32 = 0
    /// Retransmitted requests answered again.
    public internal(set) var requestsRepeated: UInt32 = 0
    /// Checks sent, retransmissions not counted.
    public internal(set) var checksSent: UInt32 = 0
    /// Success responses accepted.
    public internal(set) var responsesAccepted: UInt32 = 0
    /// Datagrams that are not STUN.
    public internal(set) var malformed: UInt32 = 0
    /// FINGERPRINT is wrong.
    public internal(set) var badFingerprint: UInt32 = 0
    /// Another method than Binding.
    public internal(set) var unsupported: UInt32 = 0
    /// The socket index or the address family does not fit.
    public internal(set) var wrongSocket: UInt32 = 0
    /// Requests for another user fragment.
    public internal(set) var unknownUser: UInt32 = 0
    /// Messages without MESSAGE-INTEGRITY.
    public internal(set) var missingIntegrity: UInt32 = 0
    /// Messages whose MESSAGE-INTEGRITY was not made with the password.
    public internal(set) var badIntegrity: UInt32 = 0
    /// Requests with a comprehension-required attribute that we do not know.
    public internal(set) var unknownAttribute: UInt32 = 0
    /// Authentic requests without USERNAME or PRIORITY.
    public internal(set) var badRequest: UInt32 = 0
    /// Requests refused with 487.
    public internal(set) var roleConflicts: UInt32 = 0
    /// How often our role changed.
    public internal(set) var roleSwitches: UInt32 = 0
    /// Responses that match no transaction.
    public internal(set) var unmatchedResponse: UInt32 = 0
    /// Responses from another address than asked.
    public internal(set) var asymmetricResponse: UInt32 = 0
    /// Authentic error responses.
    public internal(set) var errorResponse: UInt32 = 0
    /// Consent checks that nobody answered.
    public internal(set) var consentTimeouts: UInt32 = 0
    /// Remote addresses forgotten to make room.
    public internal(set) var remoteAddressesForgotten: UInt32 = 0
    /// Candidates or pairs not taken in: limit reached, or unusable.
    public internal(set) var candidatesRefused: UInt32 = 0
    /// Remote credentials not taken in: already known, or unusable.
    public internal(set) var credentialsRefused: UInt32 = 0
    /// Datagrams that arrived after failure.
    public internal(set) var afterFailure: UInt32 = 0
    /// Datagrams not sent because nobody polled.
    public internal(set) var transmitOverflow: UInt32 = 0
    /// Events lost because nobody polled.
    public internal(set) var eventOverflow: UInt32 = 0
}
