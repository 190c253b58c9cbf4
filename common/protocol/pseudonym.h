/*
 * A bidder's public name within one auction. It is the same for the whole auction, and names of different auctions
 * cannot be linked. Pure.
 *
 * Callers: gateway/bid/ledger, gateway/bid/leaderboard; rostrumctl watch.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_PSEUDONYM_H
#define ROSTRUM_COMMON_PROTOCOL_PSEUDONYM_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    PSEUDONYM_KEY_BYTES = 32,
    PSEUDONYM_SIZE = 20, /* with the terminator */
};

/* `key` belongs to the deployment and never changes. Without it, a name cannot be traced to its user. */
void pseudonym_write(const uint8_t key[static PSEUDONYM_KEY_BYTES], const struct uuid *auction, const struct uuid *user,
                     char out[static PSEUDONYM_SIZE]);

#endif
