// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Primitives

/// The program `viaduct-load`.
public enum LoadProgram {
    /// Runs with the given arguments (without the program's name) and gives the exit status: 0 for a perfect call,
    /// 1 for one that was not, 2 when it could not be carried out, 64 for wrong usage.
    public static func run(_ arguments: [String], version: String) -> Int32 {
        do throws(LoadError) {
            switch try LoadOptions.parse(arguments) {
            case .help: print(LoadOptions.help)
            case .version: print("viaduct-load \(version)")
            case .run(let options): return try run(options)
            }
            return 0
        } catch {
            complain("viaduct-load: \(error)\n")
            if case .usage = error {
                complain("Try viaduct-load --help.\n")
                return 64
            }
            return 2
        }
    }

    private static func run(_ options: LoadOptions) throws(LoadError) -> Int32 {
        // A peer that hangs up is an error code, not a signal.
        signal(SIGPIPE, SIG_IGN)
        Interruption.watch()
        // A file that cannot be written is better known before the call than after it.
        if let path = options.jsonPath { try write([], to: path) }
        let result: LoadResult
        do throws(LoadError) {
            result = try LoadRun(options).run()
        } catch {
            let failure = JSONValue.object([
                ("perfect", .bool(false)), ("imperfections", .array([.string("\(error)")])),
            ])
            if let path = options.jsonPath { try write(failure.serialized() + [10], to: path) }
            throw error
        }
        if let path = options.jsonPath { try write(result.json.serialized() + [10], to: path) }
        guard result.hasBegun else {
            complain("viaduct-load: \(result.imperfections.first ?? "the call did not begin")\n")
            return 2
        }
        print(result.table, terminator: "")
        return result.isPerfect ? 0 : 1
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(LoadError) {
        guard let file = fopen(path, "w") else {
            throw .library("\(path): \(String(cString: strerror(errno)))")
        }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw .library("\(path): could not be written") }
    }

    /// Writes one line, whatever a server put into its message.
    private static func complain(_ line: String) {
        let text = line.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
