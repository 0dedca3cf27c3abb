// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The kernel said no.
public struct SystemError: Error, Equatable, Sendable {
    /// The call that failed, with what it was about where that helps (`bind 192.0.2.1:10000`).
    public var call: String
    /// The kernel's reason.
    public var errno: Int32

    /// An error of `call`.
    public init(call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    /// Turns the `-errno` form of ``CLinuxIO`` into a throw.
    static func check(_ result: Int32, _ call: @autoclosure () -> String) throws(SystemError) -> Int32 {
        guard result < 0 else { return result }
        throw SystemError(call: call(), errno: -result)
    }
}

extension SystemError: CustomStringConvertible {
    /// The call and the reason in words.
    public var description: String {
        guard let text = strerror(errno) else { return "\(call): error \(errno)" }
        return "\(call): \(String(cString: text))"
    }
}
