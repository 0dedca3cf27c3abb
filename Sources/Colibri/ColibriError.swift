// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a Colibri2 request was not met; becomes a stanza error or an HTTP status (control-plane.md 3.9, "Error
/// catalogue").
public struct ColibriError: Error, Hashable, Sendable {
    /// The defined condition of the stanza error (RFC 6120 §8.3.3).
    public enum Condition: String, Hashable, Sendable, CaseIterable {
        case badRequest = "bad-request"
        case conflict
        case featureNotImplemented = "feature-not-implemented"
        case internalServerError = "internal-server-error"
        case itemNotFound = "item-not-found"
        case serviceUnavailable = "service-unavailable"
        case forbidden
        case resourceConstraint = "resource-constraint"
    }

    /// The value of the Colibri2 `error` element beside the condition.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        case conferenceNotFound = "conference_not_found"
        case conferenceAlreadyExists = "conference_already_exists"
        case unknownEndpoint = "unknown_endpoint"
        case gracefulShutdown = "graceful_shutdown"
        case featureNotImplemented = "feature_not_implemented"
        case unspecified
    }

    /// The condition.
    public var condition: Condition
    /// A sentence for whoever reads the focus's log.
    public var text: String?
    /// The reason element, where the catalogue has one.
    public var reason: Reason?
    /// The endpoint element beside the reason, for ``Reason/unknownEndpoint``.
    public var endpointID: String?

    /// An error.
    public init(_ condition: Condition, _ text: String? = nil, reason: Reason? = nil, endpointID: String? = nil) {
        self.condition = condition
        self.text = text
        self.reason = reason
        self.endpointID = endpointID
    }

    /// One line for people: the text, or else reason or condition. The body of an HTTP error.
    public var summary: String { text ?? reason?.rawValue ?? condition.rawValue }

    /// E1.
    public static func unknownConference(_ meetingID: String) -> ColibriError {
        ColibriError(.itemNotFound, "no meeting \(meetingID)", reason: .conferenceNotFound)
    }

    /// E2.
    public static let conferenceExists = ColibriError(.conflict, reason: .conferenceAlreadyExists)
    /// E3.
    public static let gracefulShutdown = ColibriError(.serviceUnavailable, reason: .gracefulShutdown)

    /// E4.
    public static func unknownEndpoint(_ id: String) -> ColibriError {
        ColibriError(.itemNotFound, reason: .unknownEndpoint, endpointID: id)
    }

    /// E5b–d, E6.
    public static func badRequest(_ text: String) -> ColibriError { ColibriError(.badRequest, text) }

    /// E7.
    public static func notImplemented(_ text: String) -> ColibriError {
        ColibriError(.featureNotImplemented, text, reason: .featureNotImplemented)
    }

    /// E8.
    public static func switchedOff(_ text: String) -> ColibriError { ColibriError(.featureNotImplemented, text) }

    /// A limit that an operator set, or left as it was: the sentence names the setting. To the focus it is one of
    /// "every other condition" (control-plane.md 3.9): it takes another bridge.
    public static func limitReached(_ text: String) -> ColibriError { ColibriError(.resourceConstraint, text) }

    /// E9.
    public static func internalError(_ text: String) -> ColibriError { ColibriError(.internalServerError, text) }
}

/// The HTTP status of an error (control-plane.md 7.2): 404 for a change of an unknown meeting, otherwise 400.
///
/// - Parameter isUpdate: the request was a `PATCH` of one meeting.
public func httpStatus(of error: ColibriError, isUpdate: Bool) -> Int {
    isUpdate && error.reason == .conferenceNotFound ? 404 : 400
}
