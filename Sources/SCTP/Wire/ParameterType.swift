// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Types of parameters in INIT, INIT ACK and RE-CONFIG (RFC 9260 §3.3.2, 3758, 5061, 6525, 9653).
enum ParameterType {
    static let heartbeatInformation: UInt16 = 1
    static let stateCookie: UInt16 = 7
    static let unrecognized: UInt16 = 8
    static let outgoingReset: UInt16 = 13
    static let incomingReset: UInt16 = 14
    static let tsnReset: UInt16 = 15
    static let reconfigurationResponse: UInt16 = 16
    static let addOutgoingStreams: UInt16 = 17
    static let addIncomingStreams: UInt16 = 18
    static let zeroChecksumAcceptable: UInt16 = 0x8001
    static let supportedExtensions: UInt16 = 0x8008
    static let forwardTSNSupported: UInt16 = 0xC000
    /// Addresses, preservatives and the like: well known, of no use over DTLS.
    static let ignored: Set<UInt16> = [5, 6, 9, 11, 12, 0x8000, 0x8002, 0x8003, 0x8004, 0xC006]
}
