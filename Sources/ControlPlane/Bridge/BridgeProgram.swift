// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import CLinuxIO
internal import Glibc
internal import PacketIO
internal import Primitives

/// The server program: command line, configuration, the bridge, its end.
public enum BridgeProgram {
    /// EX_CONFIG of sysexits.h: systemd does not start the unit again (operations.md f.2).
    private static let configurationStatus: Int32 = 78

    /// Runs the program.
    /// - Parameters:
    ///   - arguments: the command line without the program's name.
    ///   - build: the build identifier for `--version`.
    /// - Returns: the exit status.
    public static func run(arguments: [String], build: String) -> Int32 {
        // Before the first word: whoever reads what we write may be gone, which is no reason to end.
        viaduct_ignore_broken_pipes()
        let environment = environment()
        let options: BridgeOptions
        switch BridgeOptions.parse(arguments) {
        case .success(let parsed): options = parsed
        case .failure(let problem):
            complain("viaduct: \(problem.description)\n\(BridgeOptions.usage)")
            return 64
        }
        switch options.task {
        case .help:
            print(BridgeOptions.usage)
            return 0
        case .version:
            print("viaduct \(build)")
            return 0
        case .configurationReference:
            print(SettingsReport.reference(), terminator: "")
            return 0
        case .configurationSample:
            print(SettingsReport.sample(), terminator: "")
            return 0
        case .serve, .checkConfiguration, .printConfiguration: break
        }
        let path = ConfigurationLocation.path(option: options.configuration, environment: environment)
        let loaded: LoadedSettings
        do throws(ConfigurationError) {
            loaded = try ConfigurationFile.load(path, environment: environment)
        } catch {
            complain("\(error)")
            return configurationStatus
        }
        switch options.task {
        case .checkConfiguration:
            for notice in loaded.notices { print("\(notice.level): \(notice.message)") }
            print("\(path) is usable")
            return 0
        case .printConfiguration:
            print(loaded.effectiveText, terminator: "")
            return 0
        default: return serve(loaded, path: path, build: build, environment: environment)
        }
    }

    private static func serve(
        _ loaded: LoadedSettings, path: String, build: String, environment: [String: String]
    ) -> Int32 {
        var log = Logger()
        log.level = LogLevel(name: loaded.settings.log.level) ?? .info
        log.format = Logger.Format(rawValue: loaded.settings.log.format) ?? .jvb
        do throws(SystemError) {
            // Before any thread starts, so that all of them leave these signals to the loop.
            let signals = try SignalReader(limit: loaded.settings.sigtermGrace + ControlPlaneLimits.endMargin)
            let plain = log
            let writer = try LogWriter(descriptor: 2) { plain.droppedLines($0) }
            log.write = { writer.write($0) }
            defer { writer.finish() }
            return serve(loaded, path: path, build: build, environment: environment, log: log, signals: signals)
        } catch {
            log.error("Cannot start", ["reason": error.description])
            return 1
        }
    }

    private static func serve(
        _ loaded: LoadedSettings, path: String, build: String, environment: [String: String], log: Logger,
        signals: SignalReader
    ) -> Int32 {
        log.notice("Viaduct is starting", ["build": build, "configuration": path])
        for notice in loaded.notices {
            log.log(notice.level == .warning ? .warning : .info, constant: notice.message)
        }
        // Channels and web server can keep a processor busy, and media would wait behind them for milliseconds.
        if loaded.settings.media.pinsWorkers { PinnedThread.leave(cpu: MediaSetup.workerProcessor) }
        do throws(SystemError) {
            let loop = try ControlLoop()
            try signals.attach(to: loop)
            let bridge: Bridge
            do throws(BridgeFailure) {
                bridge = try Bridge(
                    loaded.settings, version: build, loop: loop, log: log, environment: environment)
            } catch {
                log.log(.error, constant: "Cannot start: \(error)")
                return 1
            }
            signals.onSignal = { [unowned bridge] signal, now in
                // The statuses a shell gives for a program that a signal ended (operations.md f.2).
                bridge.stop(status: 128 + signal, at: now)
            }
            bridge.willEnd = { [unowned signals] status in signals.expectEnd(status: status) }
            bridge.start()
            loop.run()
            return bridge.shutdown.exitStatus ?? 0
        } catch {
            log.error("Cannot start", ["reason": error.description])
            return 1
        }
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return result
    }

    private static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(2, bytes, bytes.count)
    }
}
