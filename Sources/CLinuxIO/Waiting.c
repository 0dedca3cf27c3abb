// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxIO.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Events of one wait at most; they lie on the stack.
#define WAIT_EVENTS 256

int viaduct_poller_open(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int viaduct_poller_control(int poller, int operation, int descriptor, uint64_t token, bool readable, bool writable) {
    struct epoll_event event = {
        .events = (readable ? EPOLLIN | EPOLLRDHUP : 0u) | (writable ? EPOLLOUT : 0u),
        .data.u64 = token,
    };
    int code = operation == 1 ? EPOLL_CTL_ADD : operation == 2 ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    return epoll_ctl(poller, code, descriptor, &event) == 0 ? 0 : -errno;
}

static int wait_nanoseconds(int poller, struct epoll_event *events, int capacity, int64_t timeout_ns) {
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    return epoll_pwait2(poller, events, capacity, timeout_ns < 0 ? NULL : &timeout, NULL);
}

static int wait_milliseconds(int poller, struct epoll_event *events, int capacity, int64_t timeout_ns) {
    // Rounded up: waking early would spin until the deadline.
    int64_t milliseconds = timeout_ns < 0 ? -1 : timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
    if (milliseconds > INT_MAX) milliseconds = INT_MAX;
    return epoll_wait(poller, events, capacity, (int)milliseconds);
}

int viaduct_poller_wait(
    int poller, struct viaduct_poll_event *events, int capacity, int64_t timeout_ns, bool *has_pwait2) {
    struct epoll_event ready[WAIT_EVENTS];
    if (capacity > WAIT_EVENTS) capacity = WAIT_EVENTS;
    int count = -1;
    if (*has_pwait2) {
        count = wait_nanoseconds(poller, ready, capacity, timeout_ns);
        // Sandboxes answer EPERM for calls they do not know.
        if (count < 0 && (errno == ENOSYS || errno == EPERM)) *has_pwait2 = false;
    }
    if (!*has_pwait2) count = wait_milliseconds(poller, ready, capacity, timeout_ns);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        uint32_t flags = ready[i].events;
        events[i] = (struct viaduct_poll_event){
            .token = ready[i].data.u64,
            .is_readable = (flags & EPOLLIN) != 0,
            .is_writable = (flags & EPOLLOUT) != 0,
            .is_hangup = (flags & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0,
        };
    }
    return count;
}

int viaduct_eventfd(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

void viaduct_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

int viaduct_pin_thread(int cpu) {
    cpu_set_t set;
    if (cpu < 0 || cpu >= CPU_SETSIZE) return -EINVAL;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int viaduct_leave_cpu(int cpu) {
    cpu_set_t set;
    if (cpu < 0 || cpu >= CPU_SETSIZE) return -EINVAL;
    int result = pthread_getaffinity_np(pthread_self(), sizeof set, &set);
    if (result != 0) return -result;
    CPU_CLR(cpu, &set);
    // The only one there is: nothing to leave it for.
    if (CPU_COUNT(&set) == 0) return 0;
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int64_t viaduct_raise_descriptor_limit(int64_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    rlim_t goal = (rlim_t)wanted;
    if (limit.rlim_cur >= goal) return (int64_t)limit.rlim_cur;
    limit.rlim_cur = goal < limit.rlim_max ? goal : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
    return (int64_t)limit.rlim_cur;
}
