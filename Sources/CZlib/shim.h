// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// What Swift cannot see of zlib: macros.
#pragma once
#include <zlib.h>

/// Deflate without header or trailer (RFC 1951).
static inline int viaduct_deflate_init(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
static inline int viaduct_inflate_init(z_stream *stream, int window_bits) {
    return inflateInit2(stream, -window_bits);
}
