/*
 * A bidder's public name within one auction: the same for the whole auction, and no hint to any other. Pure.
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

/* `key` is the deployment's, kept for its whole life: without it nobody can tell who a name belongs to. */
void pseudonym_write(const uint8_t key[static PSEUDONYM_KEY_BYTES], const struct uuid *auction, const struct uuid *user,
                     char out[static PSEUDONYM_SIZE]);

#endif
