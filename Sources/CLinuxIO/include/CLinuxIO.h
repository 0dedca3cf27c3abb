// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// What Swift cannot see of Linux: multi-message calls, control messages, offload constants, epoll with nanoseconds,
// affinity. Stateless functions; a call that fails answers -errno.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Addresses

/// An IP address and port as numbers in host order; IPv4 stands in the upper half of `high`.
struct viaduct_address {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    /// 4 or 6; 0 when the kernel gave something else.
    uint8_t family;
    /// Index of the interface that a link-local address belongs to (sin6_scope_id); 0 for all others, and never set
    /// in what the kernel tells: the socket that received says it.
    uint32_t scope;
};

// MARK: Sockets

/// Opens a non-blocking, close-on-exec UDP socket for `family` (4 or 6; IPv6 sockets carry no IPv4).
int viaduct_udp_open(uint8_t family);
/// Binds `descriptor` to `address`.
int viaduct_bind(int descriptor, const struct viaduct_address *address);
/// Reads the address that `descriptor` is bound to.
int viaduct_bound_address(int descriptor, struct viaduct_address *address);
/// Asks the routing table from which local address `remote` is reached; the port of the answer is 0.
int viaduct_route_source(const struct viaduct_address *remote, struct viaduct_address *local);
/// Switches SO_REUSEPORT on.
int viaduct_set_reuse_port(int descriptor);
/// Asks for a receive (`is_send` false) or send buffer, beyond the system's limit where privileged.
/// Answers what the kernel granted, in bytes as asked (the kernel's doubling taken back).
int viaduct_set_buffer(int descriptor, bool is_send, int bytes);
/// Switches the receipt of joined datagrams (UDP_GRO) on; an error where the kernel has none.
int viaduct_enable_gro(int descriptor);
/// Asks whether the kernel knows UDP_SEGMENT: 0 or -errno.
int viaduct_probe_gso(int descriptor);
/// Asks for the time of arrival beside each message (SO_TIMESTAMPNS).
int viaduct_enable_arrival_time(int descriptor);
/// Asks for the count of datagrams dropped on a full receive buffer beside each message (SO_RXQ_OVFL).
int viaduct_enable_drop_count(int descriptor);

// MARK: Receive batches

/// Messages of one receive or send call at most.
#define VIADUCT_BATCH_MESSAGES 64
#define VIADUCT_SEND_MESSAGES 256

/// One received message: one datagram, or a train of them when `segment_bytes` is not zero.
struct viaduct_received {
    struct viaduct_address source;
    /// Bytes that lie in the slot.
    uint32_t byte_count;
    /// Length of each datagram of the train but the last; 0 when the message is a single datagram.
    uint32_t segment_bytes;
    /// When the kernel got it, in nanoseconds since 1970; 0 where that was not asked for.
    int64_t arrived_at;
    /// Whether the message was longer than its slot.
    bool is_truncated;
};

/// Bytes of scratch memory that ``viaduct_receive`` needs (aligned to 16).
size_t viaduct_receive_scratch_bytes(void);

/// Receives at most `count` (up to VIADUCT_BATCH_MESSAGES) messages without blocking; message `i` lands at
/// `base + i * slot_stride`, at most `slot_bytes` of it, and is described in `out[i]`.
/// `kernel_drops` is updated when the kernel reports it. Answers the number of messages or -errno.
int viaduct_receive(
    int descriptor, void *scratch, uint8_t *base, size_t slot_stride, size_t slot_bytes, int count,
    struct viaduct_received *out, uint32_t *kernel_drops);

// MARK: Send batches

/// One message to send: a datagram, or a train of equal ones when `segment_bytes` is not zero.
struct viaduct_outgoing {
    struct viaduct_address destination;
    /// Where its bytes begin in the batch's buffer.
    uint32_t offset;
    uint32_t byte_count;
    /// Length of each datagram of the train but the last; 0 for a single datagram.
    uint16_t segment_bytes;
    /// How many datagrams.
    uint16_t segment_count;
};

/// Bytes of scratch memory that ``viaduct_send`` needs (aligned to 16).
size_t viaduct_send_scratch_bytes(void);

/// Sends at most `count` (up to VIADUCT_SEND_MESSAGES) messages whose bytes lie in `base`, without blocking.
/// Answers how many the kernel took, or -errno when it refused the first.
int viaduct_send(int descriptor, void *scratch, const uint8_t *base, const struct viaduct_outgoing *messages,
                 int count);

// MARK: The kernel below a port

/// The two calls of the packet path, so that a test can play the kernel. Both have the meaning of ``viaduct_receive``
/// and ``viaduct_send``; `context` is what the table holds.
struct viaduct_kernel {
    void *context;
    int (*receive)(void *context, int descriptor, void *scratch, uint8_t *base, size_t slot_stride, size_t slot_bytes,
                   int count, struct viaduct_received *out, uint32_t *kernel_drops);
    int (*send)(void *context, int descriptor, void *scratch, const uint8_t *base,
                const struct viaduct_outgoing *messages, int count);
};

/// The real one.
struct viaduct_kernel viaduct_real_kernel(void);

static inline int viaduct_kernel_receive(
    const struct viaduct_kernel *kernel, int descriptor, void *scratch, uint8_t *base, size_t slot_stride,
    size_t slot_bytes, int count, struct viaduct_received *out, uint32_t *kernel_drops) {
    return kernel->receive(
        kernel->context, descriptor, scratch, base, slot_stride, slot_bytes, count, out, kernel_drops);
}

static inline int viaduct_kernel_send(
    const struct viaduct_kernel *kernel, int descriptor, void *scratch, const uint8_t *base,
    const struct viaduct_outgoing *messages, int count) {
    return kernel->send(kernel->context, descriptor, scratch, base, messages, count);
}

// MARK: Waiting

/// What happened to a descriptor.
struct viaduct_poll_event {
    uint64_t token;
    bool is_readable;
    bool is_writable;
    bool is_hangup;
};

/// A new epoll descriptor.
int viaduct_poller_open(void);
/// Adds (`operation` 1), changes (2) or removes (3) `descriptor`.
int viaduct_poller_control(int poller, int operation, int descriptor, uint64_t token, bool readable, bool writable);
/// Waits for at most `timeout_ns` (negative: for ever) and answers the number of events, or -errno.
/// `has_pwait2` is cleared when the kernel lacks epoll_pwait2; milliseconds, rounded up, are used from then on.
int viaduct_poller_wait(
    int poller, struct viaduct_poll_event *events, int capacity, int64_t timeout_ns, bool *has_pwait2);

/// A new non-blocking eventfd.
int viaduct_eventfd(void);

// MARK: Threads and limits

/// Names the calling thread (at most 15 bytes).
void viaduct_name_thread(const char *name);
/// Ties the calling thread to one processor: 0 or -errno.
int viaduct_pin_thread(int cpu);
/// Keeps the calling thread, and those that it starts, off a processor, where there is another for it.
int viaduct_leave_cpu(int cpu);
/// Raises the soft limit of open descriptors towards `wanted`; answers the limit now in force.
int64_t viaduct_raise_descriptor_limit(int64_t wanted);

// MARK: Signals

/// Ignores SIGPIPE in the whole process: a peer, or a log's reader, that is gone is an error of the call.
void viaduct_ignore_broken_pipes(void);
/// Blocks SIGPIPE in the calling thread.
void viaduct_block_broken_pipes(void);
/// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread (and those it starts) and opens a non-blocking descriptor
/// that reads them instead.
int viaduct_signals_open(void);
/// The next signal that has arrived, 0 when there is none.
int viaduct_signals_read(int descriptor);
