// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxIO.h"
#include "Internal.h"
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>

// Room for the control messages we may ask for: segment size, drop count and time of arrival.
#define RECEIVE_CONTROL_BYTES \
    (CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct timespec)))
#define SEND_CONTROL_BYTES CMSG_SPACE(sizeof(uint16_t))

struct receive_scratch {
    struct mmsghdr headers[VIADUCT_BATCH_MESSAGES];
    struct iovec vectors[VIADUCT_BATCH_MESSAGES];
    union viaduct_sockaddr names[VIADUCT_BATCH_MESSAGES];
    _Alignas(struct cmsghdr) uint8_t controls[VIADUCT_BATCH_MESSAGES][RECEIVE_CONTROL_BYTES];
};

struct send_scratch {
    struct mmsghdr headers[VIADUCT_SEND_MESSAGES];
    struct iovec vectors[VIADUCT_SEND_MESSAGES];
    union viaduct_sockaddr names[VIADUCT_SEND_MESSAGES];
    _Alignas(struct cmsghdr) uint8_t controls[VIADUCT_SEND_MESSAGES][SEND_CONTROL_BYTES];
};

size_t viaduct_receive_scratch_bytes(void) {
    return sizeof(struct receive_scratch);
}

size_t viaduct_send_scratch_bytes(void) {
    return sizeof(struct send_scratch);
}

static void describe(struct mmsghdr *header, struct viaduct_received *out, uint32_t *kernel_drops) {
    struct msghdr *message = &header->msg_hdr;
    out->byte_count = header->msg_len;
    out->segment_bytes = 0;
    out->arrived_at = 0;
    out->is_truncated = (message->msg_flags & MSG_TRUNC) != 0;
    viaduct_from_sockaddr(message->msg_name, &out->source);
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
            int size;
            memcpy(&size, CMSG_DATA(control), sizeof size);
            if (size > 0) out->segment_bytes = (uint32_t)size;
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
            memcpy(kernel_drops, CMSG_DATA(control), sizeof *kernel_drops);
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(control), sizeof time);
            out->arrived_at = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
        }
    }
}

int viaduct_receive(
    int descriptor, void *scratch, uint8_t *base, size_t slot_stride, size_t slot_bytes, int count,
    struct viaduct_received *out, uint32_t *kernel_drops) {
    struct receive_scratch *s = scratch;
    if (count > VIADUCT_BATCH_MESSAGES) count = VIADUCT_BATCH_MESSAGES;
    for (int i = 0; i < count; i++) {
        s->vectors[i] = (struct iovec){base + (size_t)i * slot_stride, slot_bytes};
        s->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &s->names[i],
            .msg_namelen = sizeof s->names[i],
            .msg_iov = &s->vectors[i],
            .msg_iovlen = 1,
            .msg_control = s->controls[i],
            .msg_controllen = RECEIVE_CONTROL_BYTES,
        };
    }
    int received = recvmmsg(descriptor, s->headers, (unsigned)count, MSG_DONTWAIT, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) describe(&s->headers[i], &out[i], kernel_drops);
    return received;
}

int viaduct_send(int descriptor, void *scratch, const uint8_t *base, const struct viaduct_outgoing *messages,
                 int count) {
    struct send_scratch *s = scratch;
    if (count > VIADUCT_SEND_MESSAGES) count = VIADUCT_SEND_MESSAGES;
    for (int i = 0; i < count; i++) {
        const struct viaduct_outgoing *message = &messages[i];
        s->vectors[i] = (struct iovec){(void *)(base + message->offset), message->byte_count};
        s->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &s->names[i],
            .msg_namelen = viaduct_to_sockaddr(&message->destination, &s->names[i]),
            .msg_iov = &s->vectors[i],
            .msg_iovlen = 1,
        };
        if (message->segment_bytes == 0) continue;
        struct msghdr *header = &s->headers[i].msg_hdr;
        header->msg_control = s->controls[i];
        header->msg_controllen = SEND_CONTROL_BYTES;
        struct cmsghdr *control = CMSG_FIRSTHDR(header);
        control->cmsg_level = IPPROTO_UDP;
        control->cmsg_type = UDP_SEGMENT;
        control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        memcpy(CMSG_DATA(control), &message->segment_bytes, sizeof(uint16_t));
    }
    int sent = sendmmsg(descriptor, s->headers, (unsigned)count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

static int real_receive(
    void *context, int descriptor, void *scratch, uint8_t *base, size_t slot_stride, size_t slot_bytes, int count,
    struct viaduct_received *out, uint32_t *kernel_drops) {
    (void)context;
    return viaduct_receive(descriptor, scratch, base, slot_stride, slot_bytes, count, out, kernel_drops);
}

static int real_send(
    void *context, int descriptor, void *scratch, const uint8_t *base, const struct viaduct_outgoing *messages,
    int count) {
    (void)context;
    return viaduct_send(descriptor, scratch, base, messages, count);
}

struct viaduct_kernel viaduct_real_kernel(void) {
    return (struct viaduct_kernel){.context = NULL, .receive = real_receive, .send = real_send};
}
