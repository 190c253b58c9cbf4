/*
 * Tokens in the links of emails. No I/O. Callers: notifyworker (makes them), gateway (checks them).
 *
 * An account token is 32 random bytes as base64url. The database holds its hash (table account_tokens). Its holder can
 * verify the address or set a new password, once, until it expires.
 *
 * An unsubscribe token contains a user and a kind of notification. It is signed with the deployment's key 'unsubscribe'
 * (BLAKE2b, keyed): KIND.base64url(user, signature). It never expires, and only permits to stop that kind of email.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_LINKS_H
#define ROSTRUM_COMMON_PROTOCOL_LINKS_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    LINKS_TOKEN_SIZE = 44, /* base64url of 32 bytes without padding, and the terminator */
    LINKS_HASH_SIZE = 65,  /* hex of 32 bytes */
    LINKS_KEY_BYTES = 32,
    LINKS_KIND_SIZE = 32,
    LINKS_UNSUBSCRIBE_SIZE = 80, /* kind, a dot, base64url of 32 bytes */
};

/* Makes an account token and its hash. */
void links_token_new(char token[static LINKS_TOKEN_SIZE], char hash[static LINKS_HASH_SIZE]);
/* The hash of a presented account token; false if its form is invalid. */
MUST_CHECK bool links_token_hash(const char *token, char hash[static LINKS_HASH_SIZE]);

/* Parses a key from hex, as the database holds it; false if it is invalid. */
MUST_CHECK bool links_key_read(const char *hex, uint8_t key[static LINKS_KEY_BYTES]);
/* `kind` consists of capital letters and underscores, and is shorter than LINKS_KIND_SIZE. */
void links_unsubscribe_write(const uint8_t key[static LINKS_KEY_BYTES], const struct uuid *user, const char *kind,
                             char out[static LINKS_UNSUBSCRIBE_SIZE]);
/* False: the token is malformed, or was not made with this key. */
MUST_CHECK bool links_unsubscribe_read(const uint8_t key[static LINKS_KEY_BYTES], const char *text, struct uuid *user,
                                       char kind[static LINKS_KIND_SIZE]);

#endif
