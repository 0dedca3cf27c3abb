// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeControl
internal import Colibri
internal import Primitives
internal import WebServer
internal import XML
internal import XMPP

/// Knows who waits for what, and carries every reply to the one who asked.
///
/// A class, because a connection that is handed a reply may come back with its next request at once.
final class ReplyRouter {
    /// Who waits for the reply to a request.
    enum Asker {
        case xmpp(XMPPConnection, IQToken)
        case http(id: UInt64, isUpdate: Bool)
    }

    /// A request for `/debug` whose workers have all answered.
    struct Description {
        /// The HTTP request.
        let request: UInt64
        let query: DebugQuery
        /// What the workers say of themselves, as JSON text.
        fileprivate(set) var workers: [String] = []
        fileprivate var awaited: Int

        fileprivate init(request: UInt64, query: DebugQuery, awaited: Int) {
            self.request = request
            self.query = query
            self.awaited = awaited
        }
    }

    private let web: HTTPServer?
    private let log: Logger
    private var askers: [RequestToken: Asker] = [:]
    private var nextToken: UInt64 = 1
    private var descriptions: [UInt64: Description] = [:]
    private var nextDescription: UInt64 = 1

    init(web: HTTPServer?, log: Logger) {
        self.web = web
        self.log = log
    }

    // MARK: Requests

    /// Notes who asks.
    /// - Returns: what the directory is to call the request.
    func token(for asker: Asker) -> RequestToken {
        let token = RequestToken(nextToken)
        nextToken += 1
        askers[token] = asker
        return token
    }

    /// Hands a reply to whoever asked.
    func deliver(_ result: Result<ConferenceModified, ColibriError>, for token: RequestToken, at now: Timestamp) {
        guard let asker = askers.removeValue(forKey: token) else { return }
        switch asker {
        case .xmpp(let connection, let request):
            log.info(
                "SENT colibri2 response",
                ["client": connection.id, "request": String(token.value), "outcome": result.outcome])
            connection.reply(result, to: request, at: now)
        case .http(let id, let isUpdate): web?.respond(HTTPAnswers.modified(result, isUpdate: isUpdate, id: id))
        }
    }

    // MARK: Descriptions

    /// Lets an HTTP request wait for the workers' accounts.
    /// - Parameter ask: asks the workers under a number and says how many will answer.
    /// - Returns: `false` when too many wait already, or no worker will answer.
    func awaitDescription(_ query: DebugQuery, request: UInt64, ask: (UInt64) -> Int) -> Bool {
        guard descriptions.count < ControlPlaneLimits.pendingDescriptions else { return false }
        let awaited = ask(nextDescription)
        guard awaited > 0 else { return false }
        descriptions[nextDescription] = Description(request: request, query: query, awaited: awaited)
        nextDescription += 1
        return true
    }

    /// Notes a worker's account.
    /// - Returns: the request that now has them all.
    func addDescription(_ number: UInt64, _ text: String) -> Description? {
        guard var description = descriptions[number] else { return nil }
        description.workers.append(text)
        let isComplete = description.workers.count >= description.awaited
        descriptions[number] = isComplete ? nil : description
        return isComplete ? description : nil
    }
}

extension XMPPConnection {
    /// Answers on the session that asked; when it has ended meanwhile the answer is dropped.
    func reply(_ result: Result<ConferenceModified, ColibriError>, to request: IQToken, at now: Timestamp) {
        update(at: now) { client in
            switch result {
            case .success(let answer): _ = client.reply(to: request, with: answer.xmlElement, at: now)
            case .failure(let error): _ = client.reply(to: request, with: StanzaError(error), at: now)
            }
        }
    }
}

extension Result where Success == ConferenceModified, Failure == ColibriError {
    /// `result`, or the condition of the error.
    var outcome: String {
        switch self {
        case .success: "result"
        case .failure(let error): error.condition.rawValue
        }
    }
}

extension StanzaError {
    /// The stanza error of a Colibri2 error: condition, text, and the elements of its namespace.
    init(_ error: ColibriError) {
        let element = error.xmlElement
        self.init(
            Condition(rawValue: error.condition.rawValue) ?? .internalServerError, text: error.text ?? "",
            extensions: element.elements.filter { $0.namespace == ColibriNamespace.colibri2 })
    }
}
