// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Bounds of one Colibri2 request. Beyond those that say "bad-request" the surplus is left out.
public enum ColibriLimits {
    /// UTF-8 bytes of an identifier (meeting, endpoint, source); more is a bad-request.
    public static let identifierBytes = 1_024
    /// Endpoints in one request; more is a bad-request.
    public static let endpointsPerRequest = 1_024
    /// Relays in one request that are looked at: two are already refused.
    public static let relaysPerRequest = 2
    /// Connects in one request; more is a bad-request.
    public static let connectsPerRequest = 64
    /// Names in the exports or requests of a connect, and its headers.
    public static let namesPerConnect = 256
    /// Capabilities of an endpoint.
    public static let capabilitiesPerEndpoint = 32
    /// `media` elements of an endpoint.
    public static let mediaPerEndpoint = 8
    /// Payload types of one `media`.
    public static let payloadTypesPerMedia = 64
    /// Parameters, and feedback entries, of one payload type.
    public static let parametersPerPayloadType = 32
    /// Header extensions of one `media`.
    public static let headerExtensionsPerMedia = 32
    /// Media sources of an endpoint.
    public static let sourcesPerEndpoint = 64
    /// SSRCs of one media source, and members of one SSRC group.
    public static let ssrcsPerSource = 64
    /// SSRC groups of one media source.
    public static let groupsPerSource = 32
    /// Fingerprints of a transport.
    public static let fingerprintsPerTransport = 8
    /// Candidates of a transport.
    public static let candidatesPerTransport = 64
    /// WebSocket addresses of a transport.
    public static let webSocketsPerTransport = 8
}
