/*
 * What links in mail carry.
 *
 * An account token is 32 random bytes as base64url; the database keeps its hash (table account_tokens). Who has one can
 * verify the address, or set a new password, once, until it expires.
 *
 * An unsubscribe token names a user and a kind of notification, and is signed with the deployment's key 'unsubscribe'
 * (BLAKE2b, keyed): KIND.base64url(user, signature). It holds for ever and can do nothing but stop that mail.
 *
 * No I/O. Callers: notifyworker (makes them), gateway (takes them).
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

/* Makes one, and its hash. */
void links_token_new(char token[static LINKS_TOKEN_SIZE], char hash[static LINKS_HASH_SIZE]);
/* The hash of what somebody says is one; false if it cannot be. */
MUST_CHECK bool links_token_hash(const char *token, char hash[static LINKS_HASH_SIZE]);

/* A key as the database has it, in hex; false if it is none. */
MUST_CHECK bool links_key_read(const char *hex, uint8_t key[static LINKS_KEY_BYTES]);
/* `kind` is of capital letters and underscores, shorter than LINKS_KIND_SIZE. */
void links_unsubscribe_write(const uint8_t key[static LINKS_KEY_BYTES], const struct uuid *user, const char *kind,
                             char out[static LINKS_UNSUBSCRIBE_SIZE]);
/* False: it was not made with this key. */
MUST_CHECK bool links_unsubscribe_read(const uint8_t key[static LINKS_KEY_BYTES], const char *text, struct uuid *user,
                                       char kind[static LINKS_KIND_SIZE]);

#endif
