// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CFuzzer
internal import Glibc

/// Runs libFuzzer with the program's arguments and never returns.
///
/// - Parameter body: gets one input; whatever traps or reaches beyond memory in it is a finding. Must capture nothing.
public func fuzz(_ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32) -> Never {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(LLVMFuzzerRunDriver(&count, &arguments, body))
}

/// The input as an array.
public func input(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: bytes, count: count))
}

/// Ends the program when a law is broken, so that libFuzzer keeps the input.
public func require(_ law: Bool, _ message: String) {
    precondition(law, message)
}
