// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The command line of the server.
struct BridgeOptions {
    /// What is wanted.
    enum Task {
        case serve, help, version, checkConfiguration, printConfiguration, configurationReference, configurationSample
    }

    /// What is wrong with a command line.
    struct Problem: Error {
        let description: String
    }

    var task = Task.serve
    /// `--config`.
    var configuration: String?

    static let usage = """
        Usage: viaduct [--config FILE] [--check-config | --print-config | --version | --help]

          --config FILE    the jvb.conf to read (default: $VIADUCT_CONFIG, or
                           /etc/jitsi/videobridge/jvb.conf)
          --check-config   read and check the configuration, tell what is unknown or ignored
          --print-config   print the configuration in effect, without secrets
          --version        print the build identifier
          --help           print this text
        """

    /// Reads the command line. What the original's scripts pass and nobody needs is not accepted: there is nothing.
    static func parse(_ arguments: [String]) -> Result<BridgeOptions, Problem> {
        var options = BridgeOptions()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--config":
                guard let file = rest.popFirst() else { return .failure(Problem(description: "--config needs a file")) }
                options.configuration = file
            case _ where argument.hasPrefix("--config="):
                options.configuration = String(argument.dropFirst("--config=".count))
            case "--check-config": options.task = .checkConfiguration
            case "--print-config": options.task = .printConfiguration
            case "--print-config-reference": options.task = .configurationReference
            case "--print-config-sample": options.task = .configurationSample
            case "--version": options.task = .version
            case "--help", "-h": options.task = .help
            default: return .failure(Problem(description: "unknown option \(argument)"))
            }
        }
        return .success(options)
    }
}
