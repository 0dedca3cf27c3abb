// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CBuildInformation

print("viaduct-load \(String(cString: viaduct_build_identifier()))")
