// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Payload protocol identifiers of data channels (RFC 8831 §8).
enum PayloadProtocol {
    static let dcep: UInt32 = 50
    static let text: UInt32 = 51
    static let binary: UInt32 = 53
    static let emptyText: UInt32 = 56
    static let emptyBinary: UInt32 = 57
}
