// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One media export: a WebSocket that the bridge is asked to open (control-plane.md 3.8).
public struct ConnectModify: Hashable, Sendable {
    /// Name of the connect; older senders leave it out.
    public var id: String?
    /// Where to connect.
    public var url: String
    /// Only `mediajson` exists.
    public var protocolName: String?
    /// `recorder`, `transcriber` or `translator`.
    public var type: String?
    /// Export audio.
    public var audio = false
    /// Export video.
    public var video = false
    /// The connect must not be running and is started.
    public var isCreate = false
    /// The connect is ended.
    public var isExpire = false
    /// Header fields of the WebSocket's request. Values may be secrets: never logged.
    public var headers: [ConnectHeader] = []
    /// Keep-alive, when asked for.
    public var ping: ConnectPing?
    /// Source names to send out; `nil` when the element was absent.
    public var exports: [String]?
    /// Names of synthetic sources expected back; `nil` when the element was absent.
    public var requests: [String]?

    /// A connect to `url`.
    public init(url: String) { self.url = url }

    /// What tells this connect from others: its id, or its address when it has none.
    public var key: String { id ?? url }
}

/// A header field of a connect's WebSocket request.
public struct ConnectHeader: Hashable, Sendable {
    /// Field name.
    public var name: String
    /// Field value.
    public var value: String

    /// A field.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Keep-alive of a connect, in milliseconds.
public struct ConnectPing: Hashable, Sendable {
    /// Between pings.
    public var intervalMilliseconds: Int
    /// Until an answer is missed.
    public var timeoutMilliseconds: Int

    /// A keep-alive.
    public init(intervalMilliseconds: Int, timeoutMilliseconds: Int) {
        self.intervalMilliseconds = intervalMilliseconds
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}
