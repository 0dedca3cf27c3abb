// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import PacketIO
internal import Primitives
internal import Synchronization

/// Name look-ups: the only call that blocks, hence on a thread of its own that starts with the first name.
///
/// Literal addresses are answered at once. At most ``ControlPlaneLimits/pendingLookUps`` wait; more fail at once.
final class Resolver: LoopTask {
    enum Outcome: Sendable {
        case addresses([SocketAddress])
        /// Why not, in words.
        case failure(String)
    }

    private struct Question: Sendable {
        let ticket: UInt64
        let host: String
        let port: UInt16
    }

    /// What both threads touch.
    private final class Mailbox: Sendable {
        struct Content {
            var questions: [Question] = []
            var answers: [(UInt64, Outcome)] = []
            var isStopping = false
        }

        let content = Mutex(Content())
        let asked: WakeUp
        let answered: WakeUp

        init() throws(SystemError) {
            asked = try WakeUp()
            answered = try WakeUp()
        }
    }

    private let mailbox: Mailbox
    private var hasThread = false
    private var waiting: [UInt64: (Outcome, Timestamp) -> Void] = [:]
    private var nextTicket: UInt64 = 0

    init(loop: ControlLoop) throws(SystemError) {
        mailbox = try Mailbox()
        _ = try loop.watch(descriptor: mailbox.answered.descriptor, for: self)
        loop.add(self)
    }

    /// Lets the thread end. It does so after the look-up it is in, which cannot be interrupted.
    func stop() {
        mailbox.content.withLock { $0.isStopping = true }
        mailbox.asked.wake()
        waiting = [:]
    }

    /// Looks a name up; `answer` comes later on the loop, or at once for a literal address.
    func resolve(host: String, port: UInt16, at now: Timestamp, answer: @escaping (Outcome, Timestamp) -> Void) {
        if case .addresses(let list) = Self.lookUp(host, port, flags: AI_NUMERICHOST) {
            return answer(.addresses(list), now)
        }
        guard startThreadIfNeeded() else { return answer(.failure("no thread for name look-ups"), now) }
        nextTicket += 1
        let question = Question(ticket: nextTicket, host: host, port: port)
        let isAccepted = mailbox.content.withLock { content in
            guard content.questions.count < ControlPlaneLimits.pendingLookUps else { return false }
            content.questions.append(question)
            return true
        }
        guard isAccepted else { return answer(.failure("too many name look-ups"), now) }
        waiting[nextTicket] = answer
        mailbox.asked.wake()
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        mailbox.answered.drain()
        let answers = mailbox.content.withLock { content in
            defer { content.answers = [] }
            return content.answers
        }
        for (ticket, outcome) in answers { waiting.removeValue(forKey: ticket)?(outcome, now) }
    }

    private func startThreadIfNeeded() -> Bool {
        guard !hasThread else { return true }
        let mailbox = mailbox
        let thread = try? PinnedThread.start(name: "lookup") { Self.serve(mailbox) }
        hasThread = thread != nil
        return hasThread
    }

    private static func serve(_ mailbox: Mailbox) {
        var descriptor = pollfd(fd: mailbox.asked.descriptor, events: Int16(POLLIN), revents: 0)
        // Ends with `stop()`.
        while true {
            let (question, isStopping) = mailbox.content.withLock { content in
                (content.questions.isEmpty ? nil : content.questions.removeFirst(), content.isStopping)
            }
            if isStopping { return }
            guard let question else {
                _ = poll(&descriptor, 1, -1)
                mailbox.asked.drain()
                continue
            }
            let outcome = lookUp(question.host, question.port, flags: 0)
            mailbox.content.withLock { $0.answers.append((question.ticket, outcome)) }
            mailbox.answered.wake()
        }
    }

    private static func lookUp(_ host: String, _ port: UInt16, flags: Int32) -> Outcome {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else { return .failure(String(cString: gai_strerror(result))) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee, addresses.count < ControlPlaneLimits.addressesPerName {
            next = entry.ai_next
            guard let address = entry.ai_addr, entry.ai_family == AF_INET || entry.ai_family == AF_INET6 else {
                continue
            }
            let bytes = UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen))
            addresses.append(SocketAddress(family: entry.ai_family, bytes: [UInt8](bytes)))
        }
        return addresses.isEmpty ? .failure("the name has no address") : .addresses(addresses)
    }
}
