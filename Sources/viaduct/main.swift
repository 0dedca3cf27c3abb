// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CBuildInformation

print("viaduct \(String(cString: viaduct_build_identifier()))")
