/*
 * Idempotency keys. The id of a bid, auction, item, image or webhook with a key is the keyed hash of the whole request:
 * user, key and what it asks for. For a bid this is auction, kind and amount, otherwise kind and content. So a repeated
 * request always names the same row, and another request with the same key another row, even if Redis has lost the key.
 * Redis only adds the refusal 422 for the second case. Pure.
 *
 * Callers: key_header.c, creation.c, gateway/submit/command_request.c, gateway/bid/bids.c,
 * gateway/sale/sale_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_IDEMPOTENCY_H
#define ROSTRUM_GATEWAY_ACCESS_IDEMPOTENCY_H

#include "common/base/ids.h"
#include "common/protocol/message.h"
#include "gateway/core/deployment.h"

enum {
    IDEMPOTENCY_KEY_MAX = 64, /* bytes */
    IDEMPOTENCY_KEY_SIZE = IDEMPOTENCY_KEY_MAX + 1,
    IDEMPOTENCY_HASH_SIZE = 33, /* hex of 16 bytes */
};

/*
 * Reads a header's value: the key itself, or the key as a quoted string (RFC 9651), in which a backslash precedes a
 * quotation mark or a backslash. False unless the key has 1 to 64 bytes without control characters.
 */
MUST_CHECK bool idempotency_key_read(const char *value, char key[static IDEMPOTENCY_KEY_SIZE]);
/*
 * The id of the bid that `command` places with this key. Uses the command's user, auction, kind and, if the kind has
 * one, amount.
 */
struct uuid idempotency_bid_id(const uint8_t secret[static DEPLOYMENT_KEY_BYTES], const struct command *command,
                               const char *key);
/*
 * The id of the row of `kind` ("auction", "image") that this user creates with this key and content, `length` bytes.
 */
struct uuid idempotency_row_id(const uint8_t secret[static DEPLOYMENT_KEY_BYTES], const struct uuid *user,
                               const char *kind, const char *key, const char *body, size_t length);
/* The key as a part of a Redis key. */
void idempotency_key_hash(const char *key, char out[static IDEMPOTENCY_HASH_SIZE]);

#endif
