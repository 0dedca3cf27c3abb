// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The floors as `Package.swift` lists them: one array of targets per floor.
struct FloorPlan {
    /// Names of the manifest's arrays, from the ground up. What only tests use stands on the topmost.
    private static let arrays = ["ground", "protocolCores", "bridgeCores", "shellTargets", "programs", "testTargets"]

    /// Who may import a neighbour on its own floor: the arrows of ARCHITECTURE.md.
    static let arrows: Set<String> = [
        "OpenSSL>COpenSSL", "OpenSSL>Primitives", "IPsecMB>CIPsecMB", "Zlib>CZlib", "XML>CExpat", "XMPP>XML",
        "Colibri>XML",
        "BridgeChannel>Allocation", "Conferencing>Allocation", "Conferencing>Forwarding", "Conferencing>MediaTransport",
        "PacketIO>CLinuxIO", "MediaPlane>PacketIO", "WebServer>PacketIO",
        "ControlPlane>MediaPlane", "ControlPlane>PacketIO", "ControlPlane>WebServer", "ControlPlane>CLinuxIO",
        "LoadGenerator>PacketIO", "LoadGenerator>CLinuxIO", "LoadGenerator>CSRTP", "LoadGenerator>COpus",
        "viaduct>CBuildInformation", "viaduct-load>CBuildInformation", "viaduct-sim>CBuildInformation",
    ]

    /// Floor of each target.
    private(set) var floors: [String: Int] = [:]
    /// What each target says it depends on.
    private(set) var dependencies: [String: Set<String>] = [:]

    /// Every target, tests too.
    var targets: Set<String> { Set(floors.keys) }

    /// Reads the manifest's text: every quoted word between one target's name and the next is one of its dependencies.
    init(manifest: [String]) {
        let opening = /(core|shell|tests|Target|target|Library)\(\s*(?:name: )?"([\w-]+)"/
        for (floor, array) in Self.arrays.enumerated() {
            guard let start = manifest.firstIndex(where: { $0.hasPrefix("let \(array): [Target] = [") }),
                let end = manifest[start...].firstIndex(of: "]")
            else { continue }
            let text = manifest[start..<end].joined(separator: "\n")
            let matches = text.matches(of: opening)
            for (index, match) in matches.enumerated() {
                let name = String(match.output.2) + (match.output.1 == "tests" ? "Tests" : "")
                let next = index + 1 < matches.count ? matches[index + 1].range.lowerBound : text.endIndex
                let rest = text[match.range.upperBound..<next]
                floors[name] = floor
                dependencies[name] = Set(rest.matches(of: /"([\w-]+)"/).map { String($0.output.1) })
            }
        }
    }

    /// Whether the floors allow `target` to import `other`.
    func allows(_ target: String, toImport other: String) -> Bool {
        guard let own = floors[target], let their = floors[other] else { return true }
        return their < own || Self.arrows.contains("\(target)>\(other)")
    }
}
