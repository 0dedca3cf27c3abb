// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#pragma once
#include <libwebsockets.h>

// Macros that Swift cannot see.

/// Bytes that libwebsockets needs in front of everything it writes.
static const size_t viaduct_lws_headroom = LWS_PRE;
/// No TLS set-up, no host name look-up; what is not HTTP goes to the raw callbacks instead of being dropped silently.
static const uint64_t viaduct_lws_options =
    LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
    LWS_SERVER_OPTION_FALLBACK_TO_RAW;
/// A virtual host that serves sockets it is given and opens none itself.
static const int viaduct_lws_no_listener = CONTEXT_PORT_NO_LISTEN_SERVER;

/// Gives libwebsockets a listening descriptor to watch; it answers with LWS_CALLBACK_RAW_RX_FILE.
static inline struct lws *viaduct_lws_watch(struct lws_vhost *host, int descriptor, const char *protocol) {
    lws_sock_file_fd_type file;
    file.filefd = descriptor;
    return lws_adopt_descriptor_vhost(host, LWS_ADOPT_RAW_FILE_DESC, file, protocol, NULL);
}
