// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

/// Begins to count this thread's calls of malloc, calloc, realloc and their aligned relatives.
void viaduct_test_start_counting_allocations(void);
/// Ends the count and returns it.
uint64_t viaduct_test_stop_counting_allocations(void);

/// Begins to add up what this thread asks the allocator for and gives back, as the allocator rounds it.
void viaduct_test_start_measuring_memory(void);
/// What is held of it now, in bytes; what was there before and is given back counts as less than nothing.
int64_t viaduct_test_held_memory(void);
/// Ends that.
void viaduct_test_stop_measuring_memory(void);

/// What gettimeofday says on this thread from now on, in microseconds; 0 for the real time.
void viaduct_test_set_time(int64_t microseconds);

/// Bytes that the heap has given out, over all threads.
int64_t viaduct_test_heap_bytes(void);
