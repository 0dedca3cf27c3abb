// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A payload type as signalled (XEP-0167).
public struct PayloadTypeDescription: Hashable, Sendable {
    /// RTP payload type number, 0…127.
    public var id: UInt8
    /// Encoding name; compared without regard to case. Empty when missing.
    public var name: String
    /// Clock rate in Hz, 0 when missing.
    public var clockRate: UInt32
    /// Audio channels.
    public var channels: Int = 1
    /// Format parameters; one of RED has no name.
    public var parameters: [ParameterDescription] = []
    /// Feedback that was negotiated.
    public var feedback: [FeedbackDescription] = []

    /// A payload type without parameters.
    public init(id: UInt8, name: String, clockRate: UInt32) {
        self.id = id
        self.name = name
        self.clockRate = clockRate
    }

    /// The value of the parameter of that name.
    public func parameter(_ name: String) -> String? {
        parameters.first { $0.name?.lowercased() == name }?.value
    }
}

/// A format parameter.
public struct ParameterDescription: Hashable, Sendable {
    /// Its name, if it has one.
    public var name: String?
    /// Its value.
    public var value: String

    /// A parameter.
    public init(name: String?, value: String) {
        self.name = name
        self.value = value
    }
}

/// An `rtcp-fb` entry (XEP-0293).
public struct FeedbackDescription: Hashable, Sendable {
    /// Such as `nack`, `ccm`, `transport-cc`.
    public var type: String
    /// Such as `pli`, `fir`.
    public var subtype: String?

    /// An entry.
    public init(type: String, subtype: String? = nil) {
        self.type = type
        self.subtype = subtype
    }
}
