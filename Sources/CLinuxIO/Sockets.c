// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxIO.h"
#include "Internal.h"
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

socklen_t viaduct_to_sockaddr(const struct viaduct_address *address, union viaduct_sockaddr *out) {
    if (address->family == 4) {
        memset(&out->v4, 0, sizeof out->v4);
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(address->port);
        out->v4.sin_addr.s_addr = htonl((uint32_t)(address->high >> 32));
        return sizeof out->v4;
    }
    memset(&out->v6, 0, sizeof out->v6);
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(address->port);
    out->v6.sin6_scope_id = address->scope;
    uint64_t halves[2] = {htobe64(address->high), htobe64(address->low)};
    memcpy(&out->v6.sin6_addr, halves, 16);
    return sizeof out->v6;
}

void viaduct_from_sockaddr(const union viaduct_sockaddr *in, struct viaduct_address *address) {
    address->scope = 0;
    if (in->any.sa_family == AF_INET) {
        address->high = (uint64_t)ntohl(in->v4.sin_addr.s_addr) << 32;
        address->low = 0;
        address->port = ntohs(in->v4.sin_port);
        address->family = 4;
    } else if (in->any.sa_family == AF_INET6) {
        uint64_t halves[2];
        memcpy(halves, &in->v6.sin6_addr, 16);
        address->high = be64toh(halves[0]);
        address->low = be64toh(halves[1]);
        address->port = ntohs(in->v6.sin6_port);
        address->family = 6;
    } else {
        memset(address, 0, sizeof *address);
    }
}

static int set(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

int viaduct_udp_open(uint8_t family) {
    int domain = family == 6 ? AF_INET6 : AF_INET;
    int descriptor = socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (family == 6) {
        int result = set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (result < 0) {
            close(descriptor);
            return result;
        }
    }
    return descriptor;
}

int viaduct_bind(int descriptor, const struct viaduct_address *address) {
    union viaduct_sockaddr name;
    socklen_t length = viaduct_to_sockaddr(address, &name);
    return bind(descriptor, &name.any, length) == 0 ? 0 : -errno;
}

int viaduct_bound_address(int descriptor, struct viaduct_address *address) {
    union viaduct_sockaddr name;
    socklen_t length = sizeof name;
    if (getsockname(descriptor, &name.any, &length) != 0) return -errno;
    viaduct_from_sockaddr(&name, address);
    return 0;
}

int viaduct_route_source(const struct viaduct_address *remote, struct viaduct_address *local) {
    int descriptor = viaduct_udp_open(remote->family);
    if (descriptor < 0) return descriptor;
    union viaduct_sockaddr name;
    socklen_t length = viaduct_to_sockaddr(remote, &name);
    // Connecting a UDP socket sends nothing; it only fixes the route.
    int result = connect(descriptor, &name.any, length) == 0 ? 0 : -errno;
    if (result == 0) result = viaduct_bound_address(descriptor, local);
    local->port = 0;
    close(descriptor);
    return result;
}

int viaduct_set_reuse_port(int descriptor) {
    return set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
}

int viaduct_set_buffer(int descriptor, bool is_send, int bytes) {
    // The forced form needs CAP_NET_ADMIN; without it the kernel cuts the plain form at its limit.
    if (set(descriptor, SOL_SOCKET, is_send ? SO_SNDBUFFORCE : SO_RCVBUFFORCE, bytes) < 0)
        set(descriptor, SOL_SOCKET, is_send ? SO_SNDBUF : SO_RCVBUF, bytes);
    int granted = 0;
    socklen_t length = sizeof granted;
    if (getsockopt(descriptor, SOL_SOCKET, is_send ? SO_SNDBUF : SO_RCVBUF, &granted, &length) != 0) return -errno;
    return granted / 2;
}

int viaduct_enable_gro(int descriptor) {
    return set(descriptor, IPPROTO_UDP, UDP_GRO, 1);
}

int viaduct_probe_gso(int descriptor) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(descriptor, IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0 ? 0 : -errno;
}

int viaduct_enable_arrival_time(int descriptor) {
    return set(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

int viaduct_enable_drop_count(int descriptor) {
    return set(descriptor, SOL_SOCKET, SO_RXQ_OVFL, 1);
}
