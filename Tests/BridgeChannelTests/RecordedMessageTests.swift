// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import BridgeChannel

/// The messages of the recorded channels, one by one; ConferencingTests replays the channels.
@Suite("Recorded messages")
struct RecordedMessageTests {
    @Test("every message of every recording is read, and what the bridge wrote is written the same")
    func allMessages() throws {
        var count = 0
        for name in RecordedChannel.names {
            for line in try RecordedChannel(name).lines {
                let message = try ChannelMessage(line.message.serialized())
                if !line.isToBridge {
                    #expect(try JSONValue.parse(message.encoded()) == line.message, "\(line.message.text)")
                }
                count += 1
            }
        }
        #expect(count > 300)
    }
}
