/*
 * JSON Web Signatures (RFC 7515, compact form) with Ed25519 (RFC 8037), and their public keys as JSON Web Keys (RFC
 * 7517). Pure: no I/O and no state besides the key.
 *
 * Callers: token, receipt, session.
 */
#ifndef ROSTRUM_GATEWAY_CORE_JWS_H
#define ROSTRUM_GATEWAY_CORE_JWS_H

#include <sodium.h>

#include "common/base/base.h"

enum {
    JWS_SEED_BYTES = 32,
    JWS_KID_BYTES = 8,
    JWS_HEADER_SIZE = 128,
    JWS_BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    JWS_JWK_SIZE = 192, /* one public key as text */
};

struct jws_key {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    char kid[JWS_KID_BYTES * 2 + 1]; /* hex; derived from the public key */
    char header[JWS_HEADER_SIZE];    /* base64url; the same in every signature of this key */
};

/* `type` is the header's "typ". It differs per kind of document, so a receipt is never accepted as an access token. */
void jws_key_make(struct jws_key *key, const uint8_t seed[static JWS_SEED_BYTES], const char *type);
/* Writes header.payload.signature; false if it does not fit into `size` bytes. */
MUST_CHECK bool jws_sign(const struct jws_key *key, const char *payload, size_t length, char *out, size_t size);
/* Writes the public key as a JWK. */
void jws_write_key(const struct jws_key *key, char out[static JWS_JWK_SIZE]);

#endif
