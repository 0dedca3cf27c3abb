// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CBuildInformation
import Glibc
import LoadGenerator

exit(
    LoadProgram.run(
        Array(CommandLine.arguments.dropFirst()), version: String(cString: viaduct_build_identifier())))
