// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's loop (LLVM's "Using libFuzzer as a library"): calls `callback` with input after input.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *bytes, size_t size));
