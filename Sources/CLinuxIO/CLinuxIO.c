// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#include "CLinuxIO.h"
int viaduct_abi(void) { return 1; }
