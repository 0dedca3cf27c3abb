// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import OpenSSL

/// An accepted socket, with TLS on it or without; closed with the value. The web thread's own.
final class Link {
    /// What one read brought.
    struct Arrival {
        var bytes: ArraySlice<UInt8> = []
        /// The client sends nothing more.
        var hasEnded = false
        /// The connection is of no more use.
        var isBroken = false
    }

    let descriptor: Int32
    private var tls: TLSServer?
    /// Ciphertext that the kernel has not taken yet.
    private var sealed: [UInt8] = []
    private var sealedIndex = 0
    private var isFinishing = false
    private var hasFinished = false

    init(descriptor: Int32, tls: consuming TLSServer?) {
        self.descriptor = descriptor
        self.tls = tls
    }

    deinit { close(descriptor) }

    /// Reads once.
    func read(into buffer: inout [UInt8]) -> Arrival {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 { return Arrival(isBroken: errno != EAGAIN && errno != EINTR) }
        guard tls != nil else { return Arrival(bytes: buffer[..<count], hasEnded: count == 0) }
        var arrival = Arrival(hasEnded: count == 0)
        tls?.handle(ciphertext: Array(buffer[..<count]))
        while let plaintext = tls?.pollPlaintext() {
            arrival.bytes = arrival.bytes.isEmpty ? plaintext[...] : arrival.bytes + plaintext
        }
        takeSealed()
        switch tls?.state {
        case .closed: arrival.hasEnded = true
        case .failed:
            // The alert, if it can leave at once.
            _ = flush()
            arrival.isBroken = true
        case .handshaking, .connected, nil: break
        }
        return arrival
    }

    /// Writes as much as the kernel takes.
    /// - Returns: how many of the bytes are on their way; `nil` when the connection is broken.
    func write(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard tls != nil else { return transmit(bytes) }
        guard flush() else { return nil }
        // The next record waits until the last has left, so that what a slow client does not take waits unsealed.
        guard sealed.isEmpty, tls?.state != .handshaking else { return 0 }
        // A client that has said goodbye gets nothing more: there is no other end to write to.
        guard tls?.state == .connected else { return nil }
        let part = bytes.prefix(WebServerLimits.sealBytes)
        tls?.write(plaintext: Array(part))
        takeSealed()
        return flush() ? part.count : nil
    }

    /// Sends what TLS has to say, and the end once it was asked for.
    /// - Returns: `false` when the connection is broken.
    func flush() -> Bool {
        while sealedIndex < sealed.count {
            guard let count = transmit(sealed[sealedIndex...]) else { return false }
            if count == 0 { return true }
            sealedIndex += count
        }
        (sealed, sealedIndex) = ([], 0)
        if isFinishing, !hasFinished {
            // RFC 9112 9.6: half-close first, so that a reset does not take the answer from the client.
            hasFinished = true
            shutdown(descriptor, Int32(SHUT_WR))
        }
        return true
    }

    /// Nothing more is written: says so to the client, behind all else.
    func finish() {
        guard !isFinishing else { return }
        isFinishing = true
        tls?.close()
        takeSealed()
    }

    /// Whether something waits for the kernel to take it.
    var hasUnsent: Bool { sealedIndex < sealed.count }

    private func takeSealed() {
        while let more = tls?.pollCiphertext() {
            if sealedIndex == sealed.count {
                (sealed, sealedIndex) = (more, 0)
            } else {
                sealed += more
            }
        }
    }

    private func transmit(_ bytes: ArraySlice<UInt8>) -> Int? {
        while true {
            let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count >= 0 { return count }
            // Ends: a signal does not come without end.
            if errno != EINTR { return errno == EAGAIN ? 0 : nil }
        }
    }
}
