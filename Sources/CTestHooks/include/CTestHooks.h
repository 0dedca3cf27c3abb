// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

/// Begins to count this thread's calls of malloc, calloc, realloc and their aligned relatives.
void viaduct_test_start_counting_allocations(void);
/// Ends the count and returns it.
uint64_t viaduct_test_stop_counting_allocations(void);

/// What gettimeofday says on this thread from now on, in microseconds; 0 for the real time.
void viaduct_test_set_time(int64_t microseconds);
