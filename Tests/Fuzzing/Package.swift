// swift-tools-version: 6.2
// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
import PackageDescription

// One executable for each parser and for each core that eats datagrams. A package of its own, so that the server's
// dependency graph stays small. Build and run it with scripts/fuzz: it needs libFuzzer and the linker lld.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func fuzz(_ name: String) -> Target {
    .executableTarget(
        name: "Fuzz" + name,
        dependencies: ["FuzzDriver", .product(name: "FuzzedTargets", package: "viaduct")],
        swiftSettings: settings
    )
}

let package = Package(
    name: "fuzzing",
    dependencies: [.package(name: "viaduct", path: "../..")],
    targets: [
        .target(name: "CFuzzer"),
        .target(name: "FuzzDriver", dependencies: ["CFuzzer"], swiftSettings: settings),
        fuzz("STUN"), fuzz("ICE"), fuzz("RTP"), fuzz("RTCP"), fuzz("VP8"), fuzz("VP9"),
        fuzz("Dependency"), fuzz("H264"), fuzz("LayersAllocation"), fuzz("SRTP"), fuzz("DTLS"),
        fuzz("XML"), fuzz("XMPP"), fuzz("Colibri"), fuzz("JSON"), fuzz("HOCON"), fuzz("Bridge"),
        fuzz("Conference"), fuzz("HTTP"), fuzz("WebSocket"), fuzz("Channel"), fuzz("SCTP"),
    ]
)
