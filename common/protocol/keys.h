/*
 * Every Redis key and channel that the deployment uses, in one place. Keys of one auction carry {auctionId}, keys of
 * one user {userId} as their hash tag, so that a script on them runs on one node of a cluster.
 *
 *   s:{user}:<hash of token>   session: its expiry is the session's; value = display name is not kept here
 *                              '-': it was ended before its time, and so were its access tokens
 *   ss:{user}                  hash: for each session (hash of token) when it began, and JSON for its owner to see
 *   seen:{account}:<address>   hashes of both: somebody logged in to this account from there lately
 *   ban:{user}                 set while the user is banned
 *   rl:{user}:<what>           counter of a limit, expires with its window
 *   rl:{address}:<what>        the same for guests, registrations and logins
 *   bid:{user}:<bidId>         a bid that was admitted: its state (a admitted, p pending; d decided, of keyed bids
 *                              only: others just get 30 s to live then), KEYS_BID_HASH_LENGTH characters of the
 *                              request's hash, the JSON shown while it is pending
 *   snap:{auction}             hash: v version, s the snapshot, lb version of top: (common/protocol/snapshot.h)
 *   top:{auction}              sorted set: bidders by their best amount; valid while snap's lb (the version it was
 *                              written for) is snap's v (common/protocol/snapshot.h)
 *   hist:{auction}             hash: the first page of the bid history, as JSON, by its limit; v the auction's version
 *   q:{hash of a search}       its answer to guests, as JSON, for a few seconds
 *   shards                     hash: for each shard, what its worker says about it (common/service/shards.h)
 *   gw:<gateway worker>        channel: decisions for a gateway that waits
 *   live:{auction}             channel: what happens to an auction (common/protocol/live_update.h)
 *   user:{user}                channel: what concerns one user alone (common/protocol/message.h)
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_KEYS_H
#define ROSTRUM_COMMON_PROTOCOL_KEYS_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    KEYS_SIZE = 160,
    KEYS_BID_HASH_LENGTH = 32, /* hex of 16 bytes */
};

#define KEYS_SHARDS "shards"

void keys_session(const struct uuid *user, const char *token_hash, char out[static KEYS_SIZE]);
void keys_sessions(const struct uuid *user, char out[static KEYS_SIZE]);
void keys_seen(const char *account_hash, const char *address, char out[static KEYS_SIZE]);
void keys_ban(const struct uuid *user, char out[static KEYS_SIZE]);
void keys_user_limit(const struct uuid *user, const char *what, char out[static KEYS_SIZE]);
void keys_text_limit(const char *text, const char *what, char out[static KEYS_SIZE]); /* address or email hash */
void keys_bid(const struct uuid *user, const struct uuid *bid, char out[static KEYS_SIZE]);
void keys_snapshot(const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_leaderboard(const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_history(const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_search(const char *hash, char out[static KEYS_SIZE]);
void keys_reply_channel(const struct uuid *gateway, char out[static KEYS_SIZE]);
void keys_live_channel(const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_user_channel(const struct uuid *user, char out[static KEYS_SIZE]);
/* The other way round: which of the two, and whose. False if it is neither. */
MUST_CHECK bool keys_parse_channel(const char *channel, bool *of_user, struct uuid *id);

#endif
