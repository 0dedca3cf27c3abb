// swift-tools-version: 6.2
// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
import PackageDescription

// One floor per group; a target imports lower floors, and neighbours only where ARCHITECTURE.md draws an arrow.
// TidyTests compares the imports with this file.

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// Parsers and decisions: every unsafe expression must be spelled `unsafe`.
let coreSettings: [SwiftSetting] = common + [.strictMemorySafety()]
/// Code that lives on raw memory by nature: C wrappers, slabs, the packet path, the shell.
let shellSettings: [SwiftSetting] = common

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: coreSettings)
}

func shell(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: shellSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.target(name: name), "Primitives", "TestSupport"] + dependencies,
        swiftSettings: common
    )
}

let ground: [Target] = [
    shell("Primitives"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    shell("OpenSSL", ["COpenSSL", "Primitives"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    shell("Zlib", ["CZlib"]),
    // Finds its library at run time: nothing is linked, and nothing is needed to build.
    .target(name: "CIPsecMB"),
    shell("IPsecMB", ["CIPsecMB"]),
]

let protocolCores: [Target] = [
    core("ICE", ["OpenSSL", "Primitives"]),
    shell("DTLS", ["OpenSSL", "Primitives"]),
    shell("SRTP", ["OpenSSL", "IPsecMB", "Primitives"]),
    core("RTP", ["Primitives"]),
    core("VideoPayload", ["Primitives"]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    shell("XML", ["CExpat", "Primitives"]),
    core("XMPP", ["XML", "OpenSSL", "Primitives"]),
    core("Colibri", ["XML", "Primitives"]),
    core("ShardMessages", ["Primitives"]),
    shell("Telemetry", ["Primitives"]),
    core("BridgeConfiguration", ["Primitives"]),
    core("HTTP", ["Primitives"]),
    core("WebSocket", ["Zlib", "OpenSSL", "Primitives"]),
    core("SCTP", ["Primitives"]),
]

let bridgeCores: [Target] = [
    core(
        "BridgeControl", ["XMPP", "XML", "Colibri", "Telemetry", "ShardMessages", "Primitives"]),
    core("BridgeChannel", ["Allocation", "SCTP", "ShardMessages", "Primitives"]),
    core("Allocation", ["Primitives"]),
    shell("Forwarding", ["RTP", "VideoPayload", "ShardMessages", "Primitives"]),
    shell("MediaTransport", ["ICE", "DTLS", "SRTP", "OpenSSL", "Primitives"]),
    shell(
        "Conferencing",
        [
            "Allocation", "Forwarding", "MediaTransport", "ICE", "DTLS", "SRTP", "RTP", "VideoPayload", "ShardMessages",
            "Telemetry", "OpenSSL", "Primitives",
        ]
    ),
]

let shellTargets: [Target] = [
    .target(name: "CLinuxIO"),
    shell("PacketIO", ["CLinuxIO", "Primitives"]),
    shell(
        "MediaPlane",
        ["OpenSSL", "PacketIO", "Conferencing", "ShardMessages", "Telemetry", "Primitives"]),
    shell("WebServer", ["HTTP", "WebSocket", "Zlib", "OpenSSL", "PacketIO", "Primitives"]),
    shell(
        "ControlPlane",
        [
            "Conferencing", "MediaPlane", "PacketIO", "WebServer", "BridgeControl", "BridgeChannel", "XMPP", "XML",
            "Colibri", "Telemetry", "BridgeConfiguration", "ShardMessages", "OpenSSL", "CLinuxIO", "ICE", "SRTP",
            "IPsecMB", "Primitives",
        ]
    ),
    .systemLibrary(name: "CSRTP", pkgConfig: "libsrtp2", providers: [.apt(["libsrtp2-dev"])]),
    .systemLibrary(name: "COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
    shell(
        "Simulation",
        [
            "Conferencing", "MediaTransport", "Forwarding", "ICE", "DTLS", "SRTP", "RTP", "VideoPayload",
            "ShardMessages", "Telemetry", "OpenSSL", "Primitives",
        ]
    ),
    shell(
        "LoadGenerator",
        [
            "CSRTP", "COpus", "CLinuxIO", "PacketIO", "ICE", "DTLS", "SCTP", "RTP", "XMPP", "XML", "OpenSSL",
            "Primitives",
        ]
    ),
]

let programs: [Target] = [
    .target(name: "CBuildInformation"),
    .executableTarget(
        name: "viaduct", dependencies: ["ControlPlane", "CBuildInformation"], swiftSettings: shellSettings),
    .executableTarget(
        name: "viaduct-load", dependencies: ["LoadGenerator", "CBuildInformation"], swiftSettings: shellSettings),
    .executableTarget(
        name: "viaduct-sim", dependencies: ["Simulation", "CBuildInformation"], swiftSettings: shellSettings),
]

let testTargets: [Target] = [
    .target(name: "CTestHooks"),
    .target(
        name: "TestSupport",
        dependencies: ["CTestHooks", "CSRTP", "RTP", "Primitives"],
        swiftSettings: shellSettings
    ),
    .testTarget(name: "PrimitivesTests", dependencies: ["Primitives", "TestSupport"], swiftSettings: common),
    tests("OpenSSL", ["COpenSSL"]), tests("ICE", ["OpenSSL"]), tests("DTLS", ["OpenSSL"]),
    tests("SRTP", ["OpenSSL", "IPsecMB"]), tests("IPsecMB"),
    tests("RTP"), tests("VideoPayload"), tests("XML"), tests("XMPP", ["XML", "OpenSSL"]),
    tests("Colibri", ["XML"]), tests("Telemetry"), tests("BridgeConfiguration"), tests("HTTP"),
    // Its pkg-config file has flags that SwiftPM warns of and that the header does not need.
    .systemLibrary(name: "CUsrsctp", providers: [.apt(["libusrsctp-dev"])]),
    tests("SCTP", ["CUsrsctp", "CTestHooks"]),
    tests("Zlib"), tests("WebSocket", ["Zlib"]),
    tests("BridgeControl", ["XMPP", "XML", "Colibri", "Telemetry", "BridgeConfiguration", "ShardMessages"]),
    tests("BridgeChannel", ["SCTP", "ShardMessages"]),
    tests("Allocation"),
    tests("Forwarding", ["RTP", "VideoPayload", "ShardMessages"]),
    tests("MediaTransport", ["ICE", "DTLS", "SRTP", "OpenSSL"]),
    tests(
        "Conferencing",
        [
            "Allocation", "BridgeChannel", "Forwarding", "MediaTransport", "ICE", "DTLS", "SCTP", "SRTP", "RTP",
            "ShardMessages", "Telemetry", "OpenSSL", "VideoPayload",
        ]),
    tests("PacketIO", ["CLinuxIO"]),
    tests(
        "MediaPlane",
        ["Conferencing", "MediaTransport", "ICE", "DTLS", "OpenSSL", "PacketIO", "ShardMessages", "Telemetry"]),
    tests("WebServer", ["HTTP", "WebSocket", "Zlib", "OpenSSL", "CTestHooks"]),
    tests(
        "ControlPlane",
        [
            "Allocation", "BridgeControl", "XMPP", "XML", "Colibri", "BridgeConfiguration", "WebServer",
            "Conferencing", "Forwarding", "HTTP", "ICE", "DTLS", "SRTP", "IPsecMB", "OpenSSL", "PacketIO", "MediaPlane",
            "ShardMessages",
            "Telemetry",
        ]),
    tests(
        "LoadGenerator",
        [
            "MediaPlane", "ShardMessages", "PacketIO", "RTP", "SCTP", "OpenSSL", "VideoPayload", "XML", "XMPP",
            "Colibri",
            "COpus",
        ]),
    tests("Simulation", ["ShardMessages"]),
    .testTarget(
        name: "InteropTests",
        dependencies: [
            "ControlPlane", "BridgeConfiguration", "XMPP", "XML", "DTLS", "OpenSSL", "PacketIO", "TestSupport",
            "Primitives",
        ],
        exclude: ["requirements.txt", "Focus", "Peers", "Page"], swiftSettings: common),
    .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: common),
]

/// What the fuzz targets reach.
let fuzzed = [
    "Primitives", "OpenSSL", "IPsecMB", "ICE", "DTLS", "SRTP", "RTP", "VideoPayload", "Forwarding", "ShardMessages",
    "XML", "XMPP",
    "Colibri", "BridgeConfiguration", "BridgeControl", "BridgeChannel", "MediaTransport", "Conferencing", "Telemetry",
    "HTTP", "Zlib", "WebSocket", "WebServer", "ControlPlane", "SCTP",
]

let package = Package(
    name: "viaduct",
    products: [
        .executable(name: "viaduct", targets: ["viaduct"]),
        .executable(name: "viaduct-load", targets: ["viaduct-load"]),
        .executable(name: "viaduct-sim", targets: ["viaduct-sim"]),
        // For Benchmarks/, a package of its own.
        .library(
            name: "BenchmarkParts",
            targets: [
                "Primitives", "OpenSSL", "IPsecMB", "ICE", "DTLS", "SRTP", "RTP", "Forwarding", "MediaTransport",
                "Conferencing", "ShardMessages", "Telemetry", "PacketIO", "SCTP",
            ]),
        .library(name: "CSRTP", targets: ["CSRTP"]),
        // For the package in Tests/Fuzzing.
        .library(name: "FuzzedTargets", targets: fuzzed),
    ],
    targets: ground + protocolCores + bridgeCores + shellTargets + programs + testTargets
)
