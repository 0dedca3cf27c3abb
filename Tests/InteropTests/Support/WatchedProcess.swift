// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A program that a test runs, that gets signals whatever the test's threads block, and that does not outlive the test
/// program, even if that one crashes.
///
/// A shell stands between: it ends the program as soon as its standard input closes, which it does with the test
/// program.
final class WatchedProcess: Sendable {
    private static let watcher = """
        cd "$1" || exit 126
        shift
        exec 3<&0
        "$@" </dev/null 3<&- &
        child=$!
        { read -r line <&3; kill -9 $child 2>/dev/null; } &
        watch=$!
        trap 'kill -TERM $child' TERM
        wait $child
        status=$?
        while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
        kill $watch 2>/dev/null
        exit $status
        """

    private struct State {
        var lifeline: Int32
        var status: Int32?
    }

    private let pid: pid_t
    private let state: Mutex<State>

    /// Starts `program` in `folder`; both its outputs are appended to the file `output`.
    init(_ program: String, _ arguments: [String], in folder: String, output: String) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SetupError(description: "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let log = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer {
            close(ends[0])
            close(log)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_adddup2(&actions, log, 1)
        posix_spawn_file_actions_adddup2(&actions, log, 2)
        // Nothing of processes that are being started at the same time (see Reaper).
        for other: Int32 in 3..<1_024 { posix_spawn_file_actions_addclose(&actions, other) }
        // Threads of the pool block nearly all signals, and a child inherits that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = ["/bin/sh", "-c", Self.watcher, program, folder, program] + arguments
        var pointers = words.map { strdup($0) }
        pointers.append(nil)
        defer { pointers.forEach { free($0) } }
        var pid = pid_t()
        let result = posix_spawn(&pid, "/bin/sh", &actions, &attributes, pointers, environ)
        guard result == 0 else {
            close(ends[1])
            throw SetupError(description: "cannot start \(program): \(String(cString: strerror(result)))")
        }
        self.pid = pid
        state = Mutex(State(lifeline: ends[1]))
    }

    deinit {
        kill()
    }

    /// The status it ended with; `nil` while it runs.
    var status: Int32? {
        state.withLock { state in
            guard state.status == nil else { return state.status }
            var word: Int32 = 0
            guard waitpid(pid, &word, WNOHANG) == pid else { return nil }
            let signal = word & 0x7F
            state.status = signal == 0 ? (word >> 8) & 0xFF : 128 + signal
            return state.status
        }
    }

    /// Asks it to end (SIGTERM).
    func terminate() {
        if status == nil { _ = Glibc.kill(pid, SIGTERM) }
    }

    /// Ends it at once, as a crash would.
    func kill() {
        state.withLock { state in
            guard state.lifeline >= 0 else { return }
            close(state.lifeline)
            state.lifeline = -1
        }
    }

    /// Waits until it has ended.
    /// - Returns: its status; `nil` when it still runs after `seconds`.
    func wait(seconds: Double = 20) async throws -> Int32? {
        let end = Date().addingTimeInterval(seconds)
        while status == nil, Date() < end { try await Task.sleep(for: .milliseconds(5)) }
        return status
    }
}
