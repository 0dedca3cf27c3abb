// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// Shared by the files of this target; not part of its interface.
#pragma once
#include "CLinuxIO.h"
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <sys/socket.h>

// Constants that older headers lack; the values are the kernel's interface (linux/udp.h).
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

union viaduct_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

socklen_t viaduct_to_sockaddr(const struct viaduct_address *address, union viaduct_sockaddr *out);
void viaduct_from_sockaddr(const union viaduct_sockaddr *in, struct viaduct_address *address);
