// swift-tools-version: 6.2
// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
    name: "viaduct-benchmarks",
    dependencies: [.package(name: "viaduct", path: "..")],
    targets: [
        .executableTarget(
            name: "viaduct-bench",
            dependencies: [
                .product(name: "BenchmarkParts", package: "viaduct"),
                .product(name: "CSRTP", package: "viaduct"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableExperimentalFeature("Lifetimes"),
                .treatAllWarnings(as: .error),
            ]
        )
    ]
)
