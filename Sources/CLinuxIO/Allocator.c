// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#include "CLinuxIO.h"
#include <malloc.h>

void viaduct_spread_allocator_work(void) {
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
}
