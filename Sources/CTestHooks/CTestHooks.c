// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// Interposes the allocator of the test executable: counts per thread while asked to, always forwards to glibc. Answers
// gettimeofday with the time that a thread was given, for libraries that read the clock by themselves.
#include "CTestHooks.h"
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static __thread bool counting;
static __thread uint64_t count;
static __thread bool measuring;
static __thread int64_t held;

void viaduct_test_start_counting_allocations(void) {
    count = 0;
    counting = true;
}

uint64_t viaduct_test_stop_counting_allocations(void) {
    counting = false;
    return count;
}

int64_t viaduct_test_heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
}

void viaduct_test_start_measuring_memory(void) {
    held = 0;
    measuring = true;
}

int64_t viaduct_test_held_memory(void) {
    return held;
}

void viaduct_test_stop_measuring_memory(void) {
    measuring = false;
}

static void *note(void *memory) {
    if (counting) count++;
    if (measuring && memory != NULL) held += (int64_t)malloc_usable_size(memory);
    return memory;
}

static void note_end(void *memory) {
    if (measuring && memory != NULL) held -= (int64_t)malloc_usable_size(memory);
}

void *malloc(size_t size) {
    return note(__libc_malloc(size));
}

void *calloc(size_t number, size_t size) {
    return note(__libc_calloc(number, size));
}

void *realloc(void *old, size_t size) {
    note_end(old);
    return note(__libc_realloc(old, size));
}

void free(void *memory) {
    note_end(memory);
    __libc_free(memory);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return note(__libc_memalign(alignment, size));
}

void *memalign(size_t alignment, size_t size) {
    return note(__libc_memalign(alignment, size));
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = note(__libc_memalign(alignment, size));
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}

static __thread int64_t virtual_microseconds;

void viaduct_test_set_time(int64_t microseconds) {
    virtual_microseconds = microseconds;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
    (void)zone;
    if (virtual_microseconds > 0) {
        result->tv_sec = virtual_microseconds / 1000000;
        result->tv_usec = virtual_microseconds % 1000000;
        return 0;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    result->tv_sec = now.tv_sec;
    result->tv_usec = now.tv_nsec / 1000;
    return 0;
}
