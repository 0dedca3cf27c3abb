// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// The function is libFuzzer's; a target needs a source file.
#include "CFuzzer.h"
