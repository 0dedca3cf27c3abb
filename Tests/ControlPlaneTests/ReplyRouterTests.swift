// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Testing

@testable import ControlPlane

@Suite("Who waits for what")
struct ReplyRouterTests {
    private let router = ReplyRouter(web: nil, log: Logger())
    private let query = DebugQuery(isFull: true)

    @Test("every request has a token of its own")
    func tokens() {
        let tokens = (0..<100).map { router.token(for: .http(id: $0, isUpdate: false)) }
        #expect(Set(tokens).count == 100)
    }

    @Test("a description is complete when every worker that was asked has answered, and is handed out once")
    func descriptions() throws {
        var numbers: [UInt64] = []
        for (request, workers) in [(7, 2), (8, 1)] as [(UInt64, Int)] {
            let isAwaited = router.awaitDescription(query, request: request) { number in
                numbers.append(number)
                return workers
            }
            #expect(isAwaited)
        }
        #expect(Set(numbers).count == 2)
        #expect(router.addDescription(numbers[0], "a") == nil)
        let second = try #require(router.addDescription(numbers[1], "c"))
        #expect(second.request == 8 && second.workers == ["c"])
        let first = try #require(router.addDescription(numbers[0], "b"))
        #expect(first.request == 7 && first.workers == ["a", "b"])
        #expect(router.addDescription(numbers[0], "b") == nil)
    }

    @Test("nobody waits where no worker takes the question, nor beyond the limit")
    func refusals() {
        #expect(!router.awaitDescription(query, request: 0) { _ in 0 })
        var asked = 0
        for request in 0..<UInt64(ControlPlaneLimits.pendingDescriptions) {
            let isAwaited = router.awaitDescription(query, request: request) { _ in
                asked += 1
                return 1
            }
            #expect(isAwaited)
        }
        let isAwaited = router.awaitDescription(query, request: 1_000) { _ in
            asked += 1
            return 1
        }
        #expect(!isAwaited)
        #expect(asked == ControlPlaneLimits.pendingDescriptions)
    }
}
