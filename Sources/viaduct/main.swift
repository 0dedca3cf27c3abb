// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CBuildInformation
import ControlPlane
import Glibc

exit(
    BridgeProgram.run(
        arguments: Array(CommandLine.arguments.dropFirst()), build: String(cString: viaduct_build_identifier())))
