// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why a run could not be carried out.
public enum LoadError: Error, Equatable, Sendable {
    /// The command line is wrong; the text says how.
    case usage(String)
    /// The bridge or the XMPP server could not be reached, or hung up.
    case connection(String)
    /// The bridge refused a request.
    case refused(String)
    /// The bridge's answer lacks something that is needed.
    case badAnswer(String)
    /// A library call failed that should not.
    case library(String)
    /// Somebody pressed Ctrl-C, or asked by SIGTERM.
    case interrupted
}

extension LoadError {
    /// What went wrong, without the kind.
    var detail: String {
        switch self {
        case .usage(let text), .connection(let text), .refused(let text), .badAnswer(let text), .library(let text): text
        case .interrupted: "interrupted"
        }
    }
}

extension LoadError: CustomStringConvertible {
    /// One line for the person at the terminal.
    public var description: String {
        switch self {
        case .usage, .connection, .library, .interrupted: detail
        case .refused: "refused by the bridge: \(detail)"
        case .badAnswer: "unusable answer of the bridge: \(detail)"
        }
    }
}
