// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CBuildInformation
import Glibc
import Simulation

exit(
    SimulationProgram.run(
        Array(CommandLine.arguments.dropFirst()), revision: String(cString: viaduct_build_identifier())))
