/*
 * See jws.h.
 */
#include "gateway/core/jws.h"

#include <assert.h>
#include <stdio.h>

void jws_key_make(struct jws_key *key, const uint8_t seed[static JWS_SEED_BYTES], const char *type)
{
    char plain[JWS_HEADER_SIZE];
    uint8_t kid[crypto_generichash_BYTES_MIN];
    (void)crypto_sign_seed_keypair(key->public_key, key->secret_key, seed); /* cannot fail */
    crypto_generichash(kid, sizeof(kid), key->public_key, sizeof(key->public_key), NULL, 0);
    sodium_bin2hex(key->kid, sizeof(key->kid), kid, JWS_KID_BYTES);
    int length = snprintf(plain, sizeof(plain), "{\"alg\":\"EdDSA\",\"typ\":\"%s\",\"kid\":\"%s\"}", type, key->kid);
    assert(length > 0 && sodium_base64_ENCODED_LEN((size_t)length, JWS_BASE64) <= sizeof(key->header));
    sodium_bin2base64(key->header, sizeof(key->header), (const unsigned char *)plain, (size_t)length, JWS_BASE64);
}

bool jws_sign(const struct jws_key *key, const char *payload, size_t length, char *out, size_t size)
{
    uint8_t signature[crypto_sign_BYTES];
    int head = snprintf(out, size, "%s.", key->header);
    size_t body_size = sodium_base64_ENCODED_LEN(length, JWS_BASE64);
    size_t signature_size = sodium_base64_ENCODED_LEN(sizeof(signature), JWS_BASE64);
    if (head < 0 || (size_t)head + body_size + signature_size > size) {
        return false;
    }
    sodium_bin2base64(out + head, body_size, (const unsigned char *)payload, length, JWS_BASE64);
    size_t used = (size_t)head + body_size - 1;
    if (crypto_sign_detached(signature, NULL, (const unsigned char *)out, used, key->secret_key) != 0) {
        return false;
    }
    out[used] = '.';
    sodium_bin2base64(out + used + 1, signature_size, signature, sizeof(signature), JWS_BASE64);
    return true;
}

void jws_write_key(const struct jws_key *key, char out[static JWS_JWK_SIZE])
{
    char x[sodium_base64_ENCODED_LEN(crypto_sign_PUBLICKEYBYTES, JWS_BASE64)];
    sodium_bin2base64(x, sizeof(x), key->public_key, sizeof(key->public_key), JWS_BASE64);
    int length = snprintf(out, JWS_JWK_SIZE,
                          "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\","
                          "\"kid\":\"%s\",\"x\":\"%s\"}",
                          key->kid, x);
    assert(length > 0 && length < JWS_JWK_SIZE);
    (void)length;
}
