// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import CWebSockets
internal import Glibc
internal import Synchronization

/// The thread `web` and libwebsockets' context, which is destroyed after the thread has ended.
final class WebThread: @unchecked Sendable {
    // Safe to share: the loop is touched by the web thread alone between its start and the join in `stop`; `wake` and
    // `stop` are called by one other thread, which uses nothing but the library's thread-safe wake-up before the join.
    private let loop: WebLoop
    private let isStopping = Atomic<Bool>(false)
    private var thread = pthread_t()
    private var isJoined = false

    private init(loop: WebLoop) {
        self.loop = loop
    }

    /// Makes the context and starts the thread.
    static func start(
        listener: Int32, mailbox: WebMailbox, answerSeconds: Double, bodySeconds: Double
    ) throws(HTTPServerError) -> WebThread {
        let loop = try WebLoop(
            listener: listener, mailbox: mailbox, answerSeconds: answerSeconds, bodySeconds: bodySeconds)
        let webThread = WebThread(loop: loop)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, WebServerLimits.stackSize)
        defer { pthread_attr_destroy(&attributes) }
        // Signals are the control loop's business; the new thread inherits this mask.
        var all = sigset_t()
        var old = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &old)
        defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
        let argument = Unmanaged.passRetained(webThread)
        let result = pthread_create(
            &webThread.thread, &attributes,
            { argument in
                guard let argument else { return nil }
                viaduct_name_thread("web")
                Unmanaged<WebThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard result == 0 else {
            argument.release()
            loop.destroy()
            throw HTTPServerError("HTTP server: cannot start a thread; raise the limit on processes")
        }
        return webThread
    }

    private func run() {
        while !isStopping.load(ordering: .acquiring), loop.turn() {}
    }

    /// Makes the thread look at the answers.
    func wake() {
        if isJoined { return }
        lws_cancel_service(loop.context)
    }

    /// Ends the thread and waits for it.
    func stop() {
        if isJoined { return }
        isStopping.store(true, ordering: .releasing)
        loop.leave()
        pthread_join(thread, nil)
        isJoined = true
        loop.destroy()
    }
}
