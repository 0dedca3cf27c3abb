// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Ctrl-C and SIGTERM end the call in order: conferences are expired, and what was measured is printed.
enum Interruption {
    private static let isAsked = Atomic<Bool>(false)

    /// From now on the first of these signals is noted; the second ends the program.
    static func watch() {
        var both = sigset_t()
        sigemptyset(&both)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&both, number)
            signal(number) { number in
                Interruption.isAsked.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
        // Whoever started us may have blocked them.
        pthread_sigmask(SIG_UNBLOCK, &both, nil)
    }

    /// Throws when the end was asked for.
    static func check() throws(LoadError) {
        if isAsked.load(ordering: .relaxed) { throw .interrupted }
    }
}
