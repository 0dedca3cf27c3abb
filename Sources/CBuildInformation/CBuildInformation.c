// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#include "CBuildInformation.h"

// 64 bytes in a section of their own, which `scripts/release` overwrites after linking. Volatile, so that no compiler
// folds the text below into the code.
__attribute__((section("viaduct_build"), used)) static const volatile char build[64] = "development";

const char *viaduct_build_identifier(void) { return (const char *)build; }
