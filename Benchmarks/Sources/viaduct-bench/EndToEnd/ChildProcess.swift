// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives

/// A program that was started.
struct ChildProcess {
    let pid: pid_t

    /// Starts `arguments[0]` with its output in `log`.
    init(_ arguments: [String], log: String) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, arguments[0], &actions, nil, words, environ)
        guard result == 0 else { throw SystemError(call: "start \(arguments[0])", errno: result) }
        self.pid = pid
    }

    /// Waits for the end and gives the exit status.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }

    /// Asks it to end, and waits.
    func end() {
        kill(pid, SIGTERM)
        _ = wait()
    }

    /// Resident memory in bytes.
    var residentBytes: Int64 {
        guard let text = readFile("/proc/\(pid)/statm") else { return 0 }
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
        return (fields.count > 1 ? Int64(fields[1]) ?? 0 : 0) * 4_096
    }
}

func readFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var result: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {  // Ends: the file does.
        let count = read(descriptor, &part, part.count)
        guard count > 0 else { return result }
        result += part.prefix(count)
    }
}

func writeFile(_ path: String, _ text: String) {
    guard let file = fopen(path, "w") else { fatal("cannot write \(path)") }
    fputs(text, file)
    fclose(file)
}

/// The answer to a GET on loopback, or `nil`.
func get(_ path: String, port: UInt16) -> String? {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard socket >= 0 else { return nil }
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
    guard isConnected else { return nil }
    let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {  // Ends: the server closes.
        let count = recv(socket, &part, part.count, 0)
        guard count > 0 else { break }
        bytes += part.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
}

func fatal(_ text: String) -> Never {
    fflush(nil)
    let bytes = Array("viaduct-bench: \(text)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
    exit(1)
}
