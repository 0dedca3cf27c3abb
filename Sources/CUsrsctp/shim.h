// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// libusrsctp as the tests use it: without threads, one socket, plain arguments in place of its structures.
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <usrsctp.h>

#define VIADUCT_PORT 5000

typedef int (*viaduct_usrsctp_output)(void *address, void *packet, size_t count, uint8_t tos, uint8_t set_df);

// The library's settings of a WebRTC peer.
static inline void viaduct_usrsctp_start(viaduct_usrsctp_output output) {
    usrsctp_init_nothreads(0, output, NULL);
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    usrsctp_sysctl_set_sctp_rto_max_default(3000);
    usrsctp_sysctl_set_sctp_init_rto_max_default(3000);
    usrsctp_sysctl_set_sctp_init_rtx_max_default(1000);
    usrsctp_sysctl_set_sctp_assoc_rtx_max_default(10000);
    usrsctp_sysctl_set_sctp_path_rtx_max_default(10000);
    usrsctp_sysctl_set_sctp_sendspace(1 << 20);
    usrsctp_sysctl_set_sctp_recvspace(1 << 18);
}

static inline struct sockaddr_conn viaduct_usrsctp_address(void *address) {
    struct sockaddr_conn name;
    memset(&name, 0, sizeof name);
    name.sconn_family = AF_CONN;
    name.sconn_port = htons(VIADUCT_PORT);
    name.sconn_addr = address;
    return name;
}

// A socket bound to `address`, with `packet` bytes as largest SCTP packet; NULL when something failed.
static inline struct socket *viaduct_usrsctp_open(void *address, uint32_t packet) {
    usrsctp_register_address(address);
    struct socket *socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    if (socket == NULL || usrsctp_set_non_blocking(socket, 1) != 0) return NULL;
    int on = 1;
    struct linger linger = {1, 0};
    struct sctp_initmsg init = {.sinit_num_ostreams = 256, .sinit_max_instreams = 256};
    struct sctp_assoc_value reset = {SCTP_FUTURE_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ};
    struct sctp_paddrparams path;
    memset(&path, 0, sizeof path);
    path.spp_flags = SPP_PMTUD_DISABLE;
    // The library adds the common header.
    path.spp_pathmtu = packet - 12;
    bool good = usrsctp_setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0;
    good = good && usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) == 0;
    good = good && usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) == 0;
    good = good && usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init) == 0;
    good = good && usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset) == 0;
    good = good && usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) == 0;
    uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT, SCTP_SHUTDOWN_EVENT};
    for (size_t index = 0; index < sizeof events / sizeof events[0]; index++) {
        struct sctp_event event = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = events[index], .se_on = 1};
        good = good && usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event) == 0;
    }
    struct sockaddr_conn name = viaduct_usrsctp_address(address);
    good = good && usrsctp_bind(socket, (struct sockaddr *)&name, sizeof name) == 0;
    return good ? socket : NULL;
}

// Begins the association; whether that went well.
static inline bool viaduct_usrsctp_connect(struct socket *socket, void *address) {
    struct sockaddr_conn name = viaduct_usrsctp_address(address);
    return usrsctp_connect(socket, (struct sockaddr *)&name, sizeof name) == 0 || errno == EINPROGRESS;
}

// How a message is sent.
typedef struct {
    uint16_t stream;
    uint32_t protocol_identifier;
    bool unordered;
    // SCTP_PR_SCTP_NONE, _TTL or _RTX, and its value.
    uint16_t policy;
    uint32_t value;
} viaduct_usrsctp_sending;

// Whether the library took the message.
static inline bool viaduct_usrsctp_send(
    struct socket *socket, const void *bytes, size_t count, viaduct_usrsctp_sending how) {
    struct sctp_sendv_spa info;
    memset(&info, 0, sizeof info);
    info.sendv_flags = SCTP_SEND_SNDINFO_VALID;
    info.sendv_sndinfo.snd_sid = how.stream;
    info.sendv_sndinfo.snd_ppid = htonl(how.protocol_identifier);
    info.sendv_sndinfo.snd_flags = SCTP_EOR | (how.unordered ? SCTP_UNORDERED : 0);
    if (how.policy != SCTP_PR_SCTP_NONE) {
        info.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        info.sendv_prinfo.pr_policy = how.policy;
        info.sendv_prinfo.pr_value = how.value;
    }
    return usrsctp_sendv(socket, bytes, count, NULL, 0, &info, sizeof info, SCTP_SENDV_SPA, 0) == (ssize_t)count;
}

// What was read: bytes of a message, or a notification.
typedef struct {
    ssize_t count;
    bool is_end;
    bool is_notification;
    uint16_t stream;
    uint32_t protocol_identifier;
    // Of a notification: its type and, of a change of the association, the new state.
    uint16_t type;
    uint16_t state;
    // Of a reset: its flags and the first stream.
    uint16_t flags;
} viaduct_usrsctp_reading;

// Reads what waits; `count` is negative when nothing does.
static inline viaduct_usrsctp_reading viaduct_usrsctp_receive(struct socket *socket, void *bytes, size_t count) {
    viaduct_usrsctp_reading reading;
    memset(&reading, 0, sizeof reading);
    struct sctp_rcvinfo info;
    memset(&info, 0, sizeof info);
    socklen_t info_length = sizeof info;
    unsigned int type = 0;
    int flags = 0;
    struct sockaddr_conn from;
    socklen_t from_length = sizeof from;
    reading.count = usrsctp_recvv(
        socket, bytes, count, (struct sockaddr *)&from, &from_length, &info, &info_length, &type, &flags);
    if (reading.count < 0) return reading;
    reading.is_end = (flags & MSG_EOR) != 0;
    reading.stream = info.rcv_sid;
    reading.protocol_identifier = ntohl(info.rcv_ppid);
    if (flags & 0x2000) {
        const union sctp_notification *notification = bytes;
        reading.is_notification = true;
        reading.type = notification->sn_header.sn_type;
        reading.flags = notification->sn_header.sn_flags;
        if (reading.type == SCTP_ASSOC_CHANGE) reading.state = notification->sn_assoc_change.sac_state;
        if (reading.type == SCTP_STREAM_RESET_EVENT && notification->sn_header.sn_length > 12)
            reading.stream = notification->sn_strreset_event.strreset_stream_list[0];
    }
    return reading;
}

// Asks to begin one of our streams anew.
static inline bool viaduct_usrsctp_reset(struct socket *socket, uint16_t stream) {
    uint16_t words[6];
    struct sctp_reset_streams *request = (struct sctp_reset_streams *)words;
    memset(words, 0, sizeof words);
    request->srs_assoc_id = SCTP_CURRENT_ASSOC;
    request->srs_flags = SCTP_STREAM_RESET_OUTGOING;
    request->srs_number_streams = 1;
    request->srs_stream_list[0] = stream;
    return usrsctp_setsockopt(
        socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, request,
        sizeof(struct sctp_reset_streams) + sizeof(uint16_t)) == 0;
}
