// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CIPsecMB.h"
#include <string.h>

void viaduct_ipsec_mb_wipe(void *bytes, size_t count) { explicit_bzero(bytes, count); }

#if defined(__x86_64__) && __has_include(<intel-ipsec-mb.h>)

// The names of version 0.53 would hide OpenSSL's.
#define NO_COMPAT_IMB_API_053
#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <stdlib.h>

_Static_assert(sizeof(struct gcm_key_data) <= VIADUCT_GCM_KEY_BYTES, "an expanded GCM key needs more room");
_Static_assert(VIADUCT_MAC_QUEUE_CAPACITY <= IMB_MAX_BURST_SIZE, "a queue holds more than one burst");

struct viaduct_ipsec_mb {
    IMB_MGR *(*make_manager)(uint64_t);
    void (*free_manager)(IMB_MGR *);
    void (*init_auto)(IMB_MGR *, IMB_ARCH *);
    void (*init_sse)(IMB_MGR *);
    const char *version;
    // Used only for functions that keep nothing in it but the reason of their last refusal, of which there is none:
    // what is given to them was checked before. So threads may share it.
    IMB_MGR *shared;
};

static IMB_MGR *make_auto(const viaduct_ipsec_mb *library) {
    IMB_MGR *manager = library->make_manager(0);
    IMB_ARCH architecture = IMB_ARCH_NONE;
    if (manager != NULL) library->init_auto(manager, &architecture);
    return manager;
}

static viaduct_ipsec_mb_state judge(const IMB_MGR *manager) {
    if (manager == NULL) return VIADUCT_IPSEC_MB_BROKEN;
    if ((manager->features & IMB_FEATURE_AESNI) == 0 || (manager->features & IMB_FEATURE_PCLMULQDQ) == 0
        || manager->used_arch < IMB_ARCH_SSE) {
        return VIADUCT_IPSEC_MB_PROCESSOR;
    }
    if ((manager->features & IMB_FEATURE_SELF_TEST) != 0 && (manager->features & IMB_FEATURE_SELF_TEST_PASS) == 0) {
        return VIADUCT_IPSEC_MB_BROKEN;
    }
    return VIADUCT_IPSEC_MB_USABLE;
}

const viaduct_ipsec_mb *viaduct_ipsec_mb_open(const char *name, viaduct_ipsec_mb_state *state) {
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        *state = VIADUCT_IPSEC_MB_NOT_FOUND;
        return NULL;
    }
    viaduct_ipsec_mb *library = calloc(1, sizeof *library);
    if (library == NULL) {
        *state = VIADUCT_IPSEC_MB_BROKEN;
        return NULL;
    }
    library->make_manager = (IMB_MGR * (*)(uint64_t)) dlsym(handle, "alloc_mb_mgr");
    library->free_manager = (void (*)(IMB_MGR *))dlsym(handle, "free_mb_mgr");
    library->init_auto = (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(handle, "init_mb_mgr_auto");
    library->init_sse = (void (*)(IMB_MGR *))dlsym(handle, "init_mb_mgr_sse");
    unsigned (*number)(void) = (unsigned (*)(void))dlsym(handle, "imb_get_version");
    const char *(*text)(void) = (const char *(*)(void))dlsym(handle, "imb_get_version_str");
    if (library->make_manager == NULL || library->free_manager == NULL || library->init_auto == NULL
        || library->init_sse == NULL || number == NULL || text == NULL) {
        *state = VIADUCT_IPSEC_MB_INCOMPLETE;
    } else if (number() >> 8 != IMB_VERSION_NUM >> 8) {
        // Jobs lie in memory of ours, and their size is only the same within a minor version.
        *state = VIADUCT_IPSEC_MB_VERSION;
    } else {
        library->version = text();
        library->shared = make_auto(library);
        *state = judge(library->shared);
        if (*state == VIADUCT_IPSEC_MB_USABLE) return library;
        if (library->shared != NULL) library->free_manager(library->shared);
    }
    free(library);
    dlclose(handle);
    return NULL;
}

const char *viaduct_ipsec_mb_version(const viaduct_ipsec_mb *library) { return library->version; }

const char *viaduct_ipsec_mb_architecture(const viaduct_ipsec_mb *library) {
    switch (library->shared->used_arch) {
    case IMB_ARCH_SSE: return "SSE";
    case IMB_ARCH_AVX: return "AVX";
    case IMB_ARCH_AVX2: return "AVX2";
    case IMB_ARCH_AVX512: return "AVX512";
    default: return "newer";
    }
}

// --- AES-GCM -----------------------------------------------------------------------------------------------------

void viaduct_gcm_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes, void *expanded) {
    IMB_MGR *manager = library->shared;
    if (key_bytes == 16) {
        IMB_AES128_GCM_PRE(manager, key, (struct gcm_key_data *)expanded);
    } else {
        IMB_AES256_GCM_PRE(manager, key, (struct gcm_key_data *)expanded);
    }
}

void viaduct_gcm_seal(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, const uint8_t *vector,
                      const uint8_t *additional, size_t additional_bytes, const uint8_t *input, size_t count,
                      uint8_t *output, uint8_t *tag) {
    const struct gcm_key_data *key = (const struct gcm_key_data *)expanded;
    struct gcm_context_data context;
    (key_bytes == 16 ? library->shared->gcm128_enc : library->shared->gcm256_enc)(
        key, &context, output, input, count, vector, additional, additional_bytes, tag, 16);
}

void viaduct_gcm_open(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, uint8_t *tag,
                      const uint8_t *vector, const uint8_t *additional, size_t additional_bytes, const uint8_t *input,
                      size_t count, uint8_t *output) {
    const struct gcm_key_data *key = (const struct gcm_key_data *)expanded;
    struct gcm_context_data context;
    (key_bytes == 16 ? library->shared->gcm128_dec : library->shared->gcm256_dec)(
        key, &context, output, input, count, vector, additional, additional_bytes, tag, 16);
}

// --- AES in counter mode -----------------------------------------------------------------------------------------

void viaduct_ctr_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes, void *expanded) {
    _Alignas(16) uint8_t backwards[VIADUCT_CTR_KEY_BYTES];
    (key_bytes == 16 ? library->shared->keyexp_128 : library->shared->keyexp_256)(key, expanded, backwards);
    explicit_bzero(backwards, sizeof backwards);
}

int viaduct_ctr_apply(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, const uint8_t *vector,
                      const uint8_t *input, size_t count, uint8_t *output) {
    if (count == 0) return 1;
    IMB_JOB job = {0};
    job.enc_keys = expanded;
    job.dec_keys = expanded;
    job.key_len_in_bytes = key_bytes;
    job.src = input;
    job.dst = output;
    job.cipher_start_src_offset_in_bytes = 0;
    job.msg_len_to_cipher_in_bytes = count;
    job.iv = vector;
    job.iv_len_in_bytes = 16;
    job.cipher_mode = IMB_CIPHER_CNTR;
    job.cipher_direction = IMB_DIR_ENCRYPT;
    job.hash_alg = IMB_AUTH_NULL;
    return IMB_SUBMIT_CIPHER_BURST_NOCHECK(library->shared, &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                           (IMB_KEY_SIZE_BYTES)key_bytes) == 1;
}

// --- HMAC-SHA1 ---------------------------------------------------------------------------------------------------

void viaduct_hmac_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes,
                         viaduct_hmac_states *states) {
    uint8_t block[64];
    memset(block, 0x36, sizeof block);
    for (size_t i = 0; i < key_bytes && i < sizeof block; i++) block[i] ^= key[i];
    library->shared->sha1_one_block(block, states->inner);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    library->shared->sha1_one_block(block, states->outer);
    explicit_bzero(block, sizeof block);
}

struct viaduct_mac_queue {
    const viaduct_ipsec_mb *library;
    // With SHA instructions two messages at a time take less than twice the time of one, and sixteen side by side in
    // the widest registers less still, but those need sixteen to be there.
    IMB_MGR *few;
    IMB_MGR *many;
    size_t many_from;
    size_t count;
    IMB_JOB jobs[VIADUCT_MAC_QUEUE_CAPACITY];
    // The library writes 12 or 20 bytes, and the states may go before the queue is finished.
    uint8_t tags[VIADUCT_MAC_QUEUE_CAPACITY][20];
    viaduct_hmac_states states[VIADUCT_MAC_QUEUE_CAPACITY];
    struct {
        uint8_t *place;
        size_t bytes;
    } targets[VIADUCT_MAC_QUEUE_CAPACITY];
};

viaduct_mac_queue *viaduct_mac_queue_make(const viaduct_ipsec_mb *library) {
    viaduct_mac_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) return NULL;
    queue->library = library;
    queue->few = library->make_manager(0);
    queue->many = make_auto(library);
    if (queue->few == NULL || queue->many == NULL) {
        viaduct_mac_queue_free(queue);
        return NULL;
    }
    library->init_sse(queue->few);
    queue->many_from = queue->many->used_arch == IMB_ARCH_AVX512 ? 16 : SIZE_MAX;
    for (size_t i = 0; i < VIADUCT_MAC_QUEUE_CAPACITY; i++) {
        IMB_JOB *job = &queue->jobs[i];
        job->cipher_mode = IMB_CIPHER_NULL;
        job->hash_alg = IMB_AUTH_HMAC_SHA_1;
        job->auth_tag_output = queue->tags[i];
        job->auth_tag_output_len_in_bytes = sizeof queue->tags[i];
        job->u.HMAC._hashed_auth_key_xor_ipad = queue->states[i].inner;
        job->u.HMAC._hashed_auth_key_xor_opad = queue->states[i].outer;
    }
    return queue;
}

void viaduct_mac_queue_free(viaduct_mac_queue *queue) {
    if (queue->few != NULL) queue->library->free_manager(queue->few);
    if (queue->many != NULL) queue->library->free_manager(queue->many);
    explicit_bzero(queue, sizeof *queue);
    free(queue);
}

void viaduct_mac_queue_add(viaduct_mac_queue *queue, const viaduct_hmac_states *states, const uint8_t *message,
                           size_t count, uint8_t *tag, size_t tag_bytes) {
    size_t i = queue->count++;
    queue->states[i] = *states;
    queue->jobs[i].src = message;
    queue->jobs[i].msg_len_to_hash_in_bytes = count;
    queue->targets[i].place = tag;
    queue->targets[i].bytes = tag_bytes;
}

size_t viaduct_mac_queue_count(const viaduct_mac_queue *queue) { return queue->count; }

size_t viaduct_mac_queue_finish(viaduct_mac_queue *queue) {
    size_t count = queue->count;
    if (count == 0) return 0;
    queue->count = 0;
    IMB_MGR *manager = count >= queue->many_from ? queue->many : queue->few;
    size_t done = IMB_SUBMIT_HASH_BURST_NOCHECK(manager, queue->jobs, (uint32_t)count, IMB_AUTH_HMAC_SHA_1);
    for (size_t i = 0; i < count; i++) memcpy(queue->targets[i].place, queue->tags[i], queue->targets[i].bytes);
    return count - done;
}

#else

const viaduct_ipsec_mb *viaduct_ipsec_mb_open(const char *name, viaduct_ipsec_mb_state *state) {
    (void)name;
    *state = VIADUCT_IPSEC_MB_NOT_BUILT;
    return NULL;
}

// Nothing below is ever called, because nobody has a library.
const char *viaduct_ipsec_mb_version(const viaduct_ipsec_mb *library) { return (void)library, ""; }
const char *viaduct_ipsec_mb_architecture(const viaduct_ipsec_mb *library) { return (void)library, ""; }
void viaduct_gcm_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes, void *expanded) {
    (void)library, (void)key, (void)key_bytes, (void)expanded;
}
void viaduct_gcm_seal(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, const uint8_t *vector,
                      const uint8_t *additional, size_t additional_bytes, const uint8_t *input, size_t count,
                      uint8_t *output, uint8_t *tag) {
    (void)library, (void)key_bytes, (void)expanded, (void)vector, (void)additional, (void)additional_bytes;
    (void)input, (void)count, (void)output, (void)tag;
}
void viaduct_gcm_open(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, uint8_t *tag,
                      const uint8_t *vector, const uint8_t *additional, size_t additional_bytes, const uint8_t *input,
                      size_t count, uint8_t *output) {
    (void)library, (void)key_bytes, (void)expanded, (void)vector, (void)additional, (void)additional_bytes;
    (void)input, (void)count, (void)output, (void)tag;
}
void viaduct_ctr_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes, void *expanded) {
    (void)library, (void)key, (void)key_bytes, (void)expanded;
}
int viaduct_ctr_apply(const viaduct_ipsec_mb *library, size_t key_bytes, const void *expanded, const uint8_t *vector,
                      const uint8_t *input, size_t count, uint8_t *output) {
    (void)library, (void)key_bytes, (void)expanded, (void)vector, (void)input, (void)count, (void)output;
    return 0;
}
void viaduct_hmac_expand(const viaduct_ipsec_mb *library, const uint8_t *key, size_t key_bytes,
                         viaduct_hmac_states *states) {
    (void)library, (void)key, (void)key_bytes, (void)states;
}
viaduct_mac_queue *viaduct_mac_queue_make(const viaduct_ipsec_mb *library) { return (void)library, NULL; }
void viaduct_mac_queue_free(viaduct_mac_queue *queue) { (void)queue; }
void viaduct_mac_queue_add(viaduct_mac_queue *queue, const viaduct_hmac_states *states, const uint8_t *message,
                           size_t count, uint8_t *tag, size_t tag_bytes) {
    (void)queue, (void)states, (void)message, (void)count, (void)tag, (void)tag_bytes;
}
size_t viaduct_mac_queue_count(const viaduct_mac_queue *queue) { return (void)queue, 0; }
size_t viaduct_mac_queue_finish(viaduct_mac_queue *queue) { return (void)queue, 0; }

#endif
