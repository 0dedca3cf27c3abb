// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
// What Swift cannot see of OpenSSL: macros, variadic functions, and the calls that need a C callback.
#pragma once
#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

// --- HMAC-SHA1 with precomputed states ---------------------------------------------------------------------------
// EVP_MAC of OpenSSL 3.0 allocates twice for each re-initialisation (measured) and needs 180 ns for 100 bytes where
// these need 90. The deprecated SHA-1 calls stay inside this file.

/// The SHA-1 states after the inner and after the outer pad: plain data, copied for each message.
typedef struct {
    SHA_CTX inner;
    SHA_CTX outer;
} viaduct_hmac_sha1;

static inline void viaduct_hmac_sha1_init(viaduct_hmac_sha1 *mac, const uint8_t *key, size_t key_bytes) {
    uint8_t block[64], digest[20];
    if (key_bytes > sizeof block) {
        SHA1(key, key_bytes, digest);
        key = digest;
        key_bytes = sizeof digest;
    }
    memset(block, 0x36, sizeof block);
    for (size_t i = 0; i < key_bytes; i++) block[i] ^= key[i];
    SHA1_Init(&mac->inner);
    SHA1_Update(&mac->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA1_Init(&mac->outer);
    SHA1_Update(&mac->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(digest, sizeof digest);
}

/// The MAC of `first` followed by `second` (either may be empty) into the 20 bytes at `out`.
static inline void viaduct_hmac_sha1_compute(const viaduct_hmac_sha1 *mac, const void *first, size_t first_bytes,
                                             const void *second, size_t second_bytes, uint8_t *out) {
    SHA_CTX state = mac->inner;
    if (first_bytes > 0) SHA1_Update(&state, first, first_bytes);
    if (second_bytes > 0) SHA1_Update(&state, second, second_bytes);
    SHA1_Final(out, &state);
    state = mac->outer;
    SHA1_Update(&state, out, 20);
    SHA1_Final(out, &state);
}

// --- The tag of AES-GCM ------------------------------------------------------------------------------------------

/// The list of one parameter by which a tag is asked for and given.
static inline void viaduct_gcm_tag_parameters(OSSL_PARAM *list, size_t tag_bytes) {
    list[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, tag_bytes);
    list[1] = OSSL_PARAM_construct_end();
}

// --- Macros ------------------------------------------------------------------------------------------------------

static inline EVP_PKEY *viaduct_make_p256_key(void) { return EVP_EC_gen("P-256"); }
static inline int viaduct_set_versions(SSL_CTX *context, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(context, lowest) == 1
        && (highest == 0 || SSL_CTX_set_max_proto_version(context, highest) == 1);
}
static inline void viaduct_disable_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
/// One handshake for life, our order of suites, no guess at the path's MTU, no idle buffers.
static inline void viaduct_set_dtls_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU
        | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}
static inline int viaduct_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}
static inline int viaduct_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}
static inline void viaduct_set_dtls_mtu(SSL *ssl, long bytes) { SSL_set_mtu(ssl, bytes); }
static inline void viaduct_set_max_send_fragment(SSL *ssl, long bytes) { SSL_set_max_send_fragment(ssl, bytes); }
static inline BIO *viaduct_make_memory_bio(void) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio != NULL) BIO_set_mem_eof_return(bio, -1);
    return bio;
}
static inline void viaduct_set_tls_server_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}
static inline int viaduct_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline int viaduct_stack_count(const STACK_OF(X509) *stack) { return stack == NULL ? 0 : sk_X509_num(stack); }
static inline X509 *viaduct_stack_certificate(const STACK_OF(X509) *stack, int index) {
    return sk_X509_value(stack, index);
}
static inline void viaduct_stack_free(STACK_OF(X509) *stack) { sk_X509_pop_free(stack, X509_free); }
static inline size_t viaduct_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }
static inline int viaduct_is_ip_address(const char *text) {
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
    if (address == NULL) return 0;
    ASN1_OCTET_STRING_free(address);
    return 1;
}

// --- DTLS on the caller's clock ----------------------------------------------------------------------------------
// OpenSSL decides by the wall clock when a DTLS flight is to be sent again. The caller's clock decides here instead:
// the timer callback asks for a time-out that never comes by itself, and when the caller says so the deadline is
// moved into the past before DTLSv1_handle_timeout. The deadline's address is what OpenSSL up to 3.1 passes to its
// BIO with BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT; it lives as long as the SSL object. From 3.2 on only a copy is passed, so
// with such a library OpenSSL's own timer (100 ms, doubled up to 2 s, wall clock) stays in charge and the caller's
// deadline merely makes it look.

/// State shared between an SSL object and the callbacks below; outlives the SSL object.
typedef struct {
    struct timeval *deadline;
    /// How often a new flight has started the timer.
    uint32_t flights;
    /// Nonzero when the caller's clock decides.
    int owns_clock;
    /// For the certificate callback.
    void *verifier;
} viaduct_dtls_hooks;

static inline viaduct_dtls_hooks *viaduct_dtls_hooks_of(SSL *ssl) {
    return (viaduct_dtls_hooks *)SSL_get_ex_data(ssl, 0);
}

static unsigned int viaduct_dtls_timer(SSL *ssl, unsigned int previous_us) {
    viaduct_dtls_hooks *hooks = viaduct_dtls_hooks_of(ssl);
    if (previous_us == 0 && hooks != NULL) hooks->flights++;
    if (hooks != NULL && hooks->owns_clock) return 4000000000u;
    return previous_us == 0 ? 100000 : previous_us > 1000000 ? 2000000 : previous_us * 2;
}

static long viaduct_dtls_bio_callback(BIO *bio, int operation, const char *argument, size_t length, int command,
                                      long number, int result, size_t *processed) {
    (void)length, (void)number, (void)processed;
    if (operation == BIO_CB_CTRL && command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT && argument != NULL) {
        viaduct_dtls_hooks *hooks = (viaduct_dtls_hooks *)BIO_get_callback_arg(bio);
        if (hooks != NULL && hooks->owns_clock) hooks->deadline = (struct timeval *)(uintptr_t)argument;
    }
    return result;
}

static inline void viaduct_dtls_attach(SSL *ssl, BIO *read_bio, viaduct_dtls_hooks *hooks) {
    unsigned long version = OpenSSL_version_num();
    hooks->owns_clock = version >= 0x30000000UL && version < 0x30200000UL;
    SSL_set_ex_data(ssl, 0, hooks);
    DTLS_set_timer_cb(ssl, viaduct_dtls_timer);
    BIO_set_callback_arg(read_bio, (char *)hooks);
    BIO_set_callback_ex(read_bio, viaduct_dtls_bio_callback);
}

/// Whether a flight waits for an answer.
static inline int viaduct_dtls_timer_runs(SSL *ssl) {
    struct timeval left;
    return DTLSv1_get_timeout(ssl, &left) == 1;
}

/// Sends the last flight again.
static inline long viaduct_dtls_retransmit(SSL *ssl) {
    viaduct_dtls_hooks *hooks = viaduct_dtls_hooks_of(ssl);
    if (hooks != NULL && hooks->deadline != NULL && viaduct_dtls_timer_runs(ssl)) {
        hooks->deadline->tv_sec = 1;
        hooks->deadline->tv_usec = 0;
    }
    return DTLSv1_handle_timeout(ssl);
}

// --- The presented chain, inside the certificate callback --------------------------------------------------------

static inline void *viaduct_verifier_of(X509_STORE_CTX *store) {
    SSL *ssl = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (ssl == NULL) return NULL;
    viaduct_dtls_hooks *hooks = viaduct_dtls_hooks_of(ssl);
    return hooks == NULL ? NULL : hooks->verifier;
}
static inline int viaduct_chain_count(X509_STORE_CTX *store) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
    return chain == NULL ? 0 : sk_X509_num(chain);
}
static inline X509 *viaduct_chain_certificate(X509_STORE_CTX *store, int index) {
    return sk_X509_value(X509_STORE_CTX_get0_untrusted(store), index);
}
