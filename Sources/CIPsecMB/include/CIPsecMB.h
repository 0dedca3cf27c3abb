// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// Intel's multi-buffer library (Debian: libipsec-mb1), found at run time. Nothing here needs its header: where that is
// missing at build time, or the processor is another one, viaduct_ipsec_mb_open() says so and nothing else is called.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Why the library cannot be used.
typedef enum {
    VIADUCT_IPSEC_MB_USABLE = 0,
    /// Built without its header, or for another architecture.
    VIADUCT_IPSEC_MB_NOT_BUILT,
    /// There is no such library here.
    VIADUCT_IPSEC_MB_NOT_FOUND,
    /// It lacks a function that it should have.
    VIADUCT_IPSEC_MB_INCOMPLETE,
    /// Not of the minor version whose header this was built with.
    VIADUCT_IPSEC_MB_VERSION,
    /// The processor has no instructions for AES and for GCM's multiplication.
    VIADUCT_IPSEC_MB_PROCESSOR,
    /// No memory, or the library's own self-test failed.
    VIADUCT_IPSEC_MB_BROKEN,
} viaduct_ipsec_mb_state;

/// The loaded library; lives as long as the process and is not changed.
typedef struct viaduct_ipsec_mb viaduct_ipsec_mb;

/// Loads `library` (a name for dlopen). NULL when it cannot be used; `state` says why.
const viaduct_ipsec_mb *viaduct_ipsec_mb_open(const char *library, viaduct_ipsec_mb_state *state);
/// "1.3.0".
const char *viaduct_ipsec_mb_version(const viaduct_ipsec_mb *library);
/// The instructions it uses: "SSE", "AVX", "AVX2", "AVX512".
const char *viaduct_ipsec_mb_architecture(const viaduct_ipsec_mb *library);

/// Overwrites `bytes` so that no compiler leaves it out.
void viaduct_ipsec_mb_wipe(void *bytes, size_t count);

// --- AES-GCM, one message at a time ------------------------------------------------------------------------------

/// Room for an expanded key in bytes; alignment is 64.
enum { VIADUCT_GCM_KEY_BYTES = 1024 };

/// `key_bytes` is 16 or 32, here and below.
void viaduct_gcm_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes, void *expanded);
/// Encrypts `count` bytes from `input` to `output` (which may be the same place) and writes a tag of 16 bytes. The
/// vector has 12 bytes.
void viaduct_gcm_seal(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, const uint8_t *vector,
                      const uint8_t *additional, size_t additional_bytes, const uint8_t *input, size_t count,
                      uint8_t *output, uint8_t *tag);
/// Decrypts; writes the tag that the message should have. (With the parameters in the order of the other function
/// their Swift wrappers would be alike, and be merged by the compiler at the price of one more call.)
void viaduct_gcm_open(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, uint8_t *tag,
                      const uint8_t *vector, const uint8_t *additional, size_t additional_bytes, const uint8_t *input,
                      size_t count, uint8_t *output);

// --- AES in counter mode, one message at a time ------------------------------------------------------------------

/// Room for an expanded key in bytes; alignment is 16.
enum { VIADUCT_CTR_KEY_BYTES = 240 };

void viaduct_ctr_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes, void *expanded);
/// Applies the key stream that starts at the block `vector` (16 bytes).
/// Returns whether the library did it.
int viaduct_ctr_apply(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, const uint8_t *vector,
                      const uint8_t *input, size_t count, uint8_t *output);

// --- HMAC-SHA1, many messages at a time --------------------------------------------------------------------------

/// The SHA-1 states after both pads: plain data.
typedef struct {
    uint8_t inner[20];
    uint8_t outer[20];
} viaduct_hmac_states;

/// `key_bytes` is at most 64.
void viaduct_hmac_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes,
                         viaduct_hmac_states *states);

/// Messages that wait for their MACs; belongs to one thread.
typedef struct viaduct_mac_queue viaduct_mac_queue;

/// Most messages in a queue.
enum { VIADUCT_MAC_QUEUE_CAPACITY = 64 };

/// NULL when there is no memory.
viaduct_mac_queue *viaduct_mac_queue_make(const viaduct_ipsec_mb *library);
void viaduct_mac_queue_free(viaduct_mac_queue *queue);
/// Adds a message, which must stay where it is; the first `tag_bytes` (at most 20) of its MAC go to `tag`, which may
/// lie inside the message. There must be room.
void viaduct_mac_queue_add(viaduct_mac_queue *queue, const viaduct_hmac_states *states, const uint8_t *message,
                           size_t count, uint8_t *tag, size_t tag_bytes);
/// How many messages wait.
size_t viaduct_mac_queue_count(const viaduct_mac_queue *queue);
/// Writes the tags of all messages. Returns how many could not be made.
size_t viaduct_mac_queue_finish(viaduct_mac_queue *queue);
