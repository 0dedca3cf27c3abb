// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import IPsecMB

/// Which engine the operator wants.
public enum SRTPEngineChoice: String, Sendable, CaseIterable {
    /// libipsec-mb where it can be used, EVP otherwise.
    case automatic = "auto"
    /// libipsec-mb or nothing.
    case ipsecMB = "ipsec-mb"
    /// EVP.
    case evp
}

/// The engine that was chosen, and why not another one.
public struct SRTPEngineSelection: Sendable {
    /// The engine.
    public let engine: SRTPEngine
    /// Why libipsec-mb was not chosen; `nil` when it was.
    public let reason: String?

    /// Chooses; the engine has passed its self-test.
    /// - Parameter library: whether libipsec-mb is there.
    /// - Throws: when the wanted engine cannot be used, or when none works.
    public init(
        _ choice: SRTPEngineChoice, library: Result<IPsecMB, IPsecMBError> = IPsecMB.installed
    ) throws(SRTPEngineError) {
        var reason = "evp is configured"
        if choice != .evp {
            switch library {
            case .success(let library):
                let engine = SRTPEngine.ipsecMB(library)
                if EngineSelfTest.passes(engine) {
                    self.init(engine, nil)
                    return
                }
                reason = "it gave wrong results in our self-test"
            case .failure(let error): reason = error.description
            }
            guard choice == .automatic else { throw .unusable(reason) }
        }
        guard EngineSelfTest.passes(.evp) else { throw .noneWorks }
        self.init(.evp, reason)
    }

    private init(_ engine: SRTPEngine, _ reason: String?) {
        self.engine = engine
        self.reason = reason
    }
}

/// Why no engine could be chosen.
public enum SRTPEngineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// libipsec-mb is configured and cannot be used, for this reason.
    case unusable(String)
    /// Not even OpenSSL gives right results.
    case noneWorks

    /// The cause in words.
    public var description: String {
        switch self {
        case .unusable(let reason): "libipsec-mb cannot be used: \(reason)"
        case .noneWorks: "OpenSSL gives wrong results"
        }
    }
}
