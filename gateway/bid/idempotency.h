/*
 * Idempotency keys. The id of a bid with a key is the keyed hash of user and key. So a repeated request always refers
 * to the same ledger row, even if its entry in Redis is lost. Pure.
 */
#ifndef ROSTRUM_GATEWAY_BID_IDEMPOTENCY_H
#define ROSTRUM_GATEWAY_BID_IDEMPOTENCY_H

#include "common/base/ids.h"
#include "common/protocol/keys.h"
#include "common/protocol/message.h"
#include "gateway/core/deployment.h"

enum {
    IDEMPOTENCY_KEY_MAX = 64, /* bytes */
    IDEMPOTENCY_HASH_SIZE = KEYS_BID_HASH_LENGTH + 1,
};

/* 1 to 64 bytes without control characters. */
bool idempotency_key_is_valid(const char *key);
struct uuid idempotency_bid_id(const uint8_t secret[static DEPLOYMENT_KEY_BYTES], const struct uuid *user,
                               const char *key);
/* Hash of the fields that must be equal when a key is repeated: auction, kind and amount. */
void idempotency_hash(const struct command *command, char out[static IDEMPOTENCY_HASH_SIZE]);

#endif
