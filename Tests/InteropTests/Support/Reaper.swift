// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Ends what the tests have started when the test program is ended or crashes before it did so itself.
///
/// A shell holds the list of processes. It reads it from a pipe that closes with the test program.
enum Reaper {
    private static let list = """
        trap '' INT TERM HUP
        running=" "
        while read -r sign process; do
          case $sign in
            +) running="$running$process " ;;
            -) case $running in *" $process "*) running="${running%% $process *} ${running#* $process }" ;; esac ;;
          esac
        done
        [ "$running" = " " ] || { kill $running; sleep 3; kill -9 $running; }
        """

    private static let lifeline: Int32 = {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return -1 }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        for output: Int32 in [1, 2] { posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0) }
        // Foundation sees the end of a process by a socket that closes with it: a copy that slipped in here, from a
        // process that was just being started, would keep that open for ever.
        for other: Int32 in 3..<1_024 { posix_spawn_file_actions_addclose(&actions, other) }
        let words = ["/bin/sh", "-c", list]
        var arguments = words.map { strdup($0) }
        arguments.append(nil)
        defer { arguments.forEach { free($0) } }
        var pid = pid_t()
        let result = posix_spawn(&pid, "/bin/sh", &actions, nil, arguments, environ)
        close(ends[0])
        return result == 0 ? ends[1] : -1
    }()

    private struct State {
        var watched: Set<Int32> = []
        /// Those whose end was told before their start.
        var ended: Set<Int32> = []
    }
    private static let state = Mutex(State())

    /// A process has been started.
    static func watch(_ process: Int32) {
        state.withLock { state in
            guard state.ended.remove(process) == nil else { return }
            state.watched.insert(process)
            tell("+ \(process)\n")
        }
    }

    /// A process has ended: from now on its number may be another's.
    static func forget(_ process: Int32) {
        state.withLock { state in
            guard state.watched.remove(process) != nil else {
                state.ended.insert(process)
                return
            }
            tell("- \(process)\n")
        }
    }

    private static func tell(_ line: String) { _ = write(lifeline, line, line.utf8.count) }
}
