// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where things lie, seen from a running test.
enum Repository {
    /// The checkout this file was compiled from.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Where the build put its products: the folder of the running test program.
    static let products: URL = {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: program).deletingLastPathComponent()
    }()

    /// The bridge of the same build.
    static let bridge = products.appendingPathComponent("viaduct")

    /// The Python of the environment that `make bootstrap` makes.
    static let python = root.appendingPathComponent(".venv/bin/python")

    /// A script of this target.
    static func script(_ name: String) -> String {
        root.appendingPathComponent("Tests/InteropTests/Peers/\(name)").path
    }
}

/// Whether the peers that the tests need are installed; `make bootstrap` does it.
enum Peers {
    static let hasBrowsers = ["chromium", "firefox-esr"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
    }
    static let hasPython = FileManager.default.isExecutableFile(atPath: Repository.python.path)
    static let hasProsody = FileManager.default.isExecutableFile(atPath: "/usr/bin/prosody")
}
