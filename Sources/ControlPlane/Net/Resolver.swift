// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import PacketIO
internal import Primitives
internal import Synchronization

/// Name look-ups: the only call that blocks, hence each on a thread of its own that ends with it. A name server that is
/// slow about one name does not hold up another.
///
/// Literal addresses are answered at once. At most ``ControlPlaneLimits/pendingLookUps`` run; more fail at once.
final class Resolver: LoopTask {
    enum Outcome: Sendable {
        case addresses([SocketAddress])
        /// Why not, in words.
        case failure(String)
    }

    /// What the threads leave for the loop.
    private final class Mailbox: Sendable {
        let answers = Mutex<[(UInt64, Outcome)]>([])
        let answered: WakeUp

        init() throws(SystemError) {
            answered = try WakeUp()
        }
    }

    private let mailbox: Mailbox
    private let lookUp: @Sendable (String, UInt16) -> Outcome
    private var waiting: [UInt64: (Outcome, Timestamp) -> Void] = [:]
    private var nextTicket: UInt64 = 0

    /// - Parameter lookUp: the call that blocks; tests have another.
    init(
        loop: ControlLoop,
        lookUp: @escaping @Sendable (String, UInt16) -> Outcome = { Resolver.lookUp($0, $1, flags: 0) }
    ) throws(SystemError) {
        mailbox = try Mailbox()
        self.lookUp = lookUp
        _ = try loop.watch(descriptor: mailbox.answered.descriptor, for: self)
        loop.add(self)
    }

    /// Answers nobody any more. Threads end after the look-up they are in, which cannot be interrupted.
    func stop() {
        waiting = [:]
    }

    /// Looks a name up; `answer` comes later on the loop, or at once for a literal address.
    func resolve(host: String, port: UInt16, at now: Timestamp, answer: @escaping (Outcome, Timestamp) -> Void) {
        if case .addresses(let list) = Self.lookUp(host, port, flags: AI_NUMERICHOST) {
            return answer(.addresses(list), now)
        }
        guard waiting.count < ControlPlaneLimits.pendingLookUps else {
            return answer(.failure("too many name look-ups"), now)
        }
        nextTicket += 1
        let (ticket, mailbox, lookUp) = (nextTicket, mailbox, lookUp)
        do throws(SystemError) {
            _ = try PinnedThread.start(name: "lookup", stackBytes: ControlPlaneLimits.lookUpStackBytes) {
                let outcome = lookUp(host, port)
                mailbox.answers.withLock { $0.append((ticket, outcome)) }
                mailbox.answered.wake()
            }
        } catch {
            return answer(.failure("no thread for name look-ups: \(error)"), now)
        }
        waiting[ticket] = answer
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        mailbox.answered.drain()
        let answers = mailbox.answers.withLock { answers in
            defer { answers = [] }
            return answers
        }
        for (ticket, outcome) in answers { waiting.removeValue(forKey: ticket)?(outcome, now) }
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
