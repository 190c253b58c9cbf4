/*
 * All Redis keys and channels of the deployment. Keys of one auction contain {auctionId} as their hash tag, keys of one
 * user {userId}. So a script that uses several of them runs on one node of a cluster.
 *
 * Keys that are derived from rows contain the epoch of the rows, in hex (common/protocol/epoch.h). After a restore of
 * the database, keys of other epochs are not read any more, and expire.
 *
 *   s:{user}:<hash of token>   copy of a session: the user's epoch, sessions_from of the deployment in ms, its end in
 *                              ms, and when it was copied; it expires with the session. '-': it has ended
 *   u:<epoch>:{user}           copy of a user's state: epoch of the user, role, 1 if banned
 *   seen:{account}:<address>   hashes of both: a recent login to this account from this address
 *   rl:{user}:<what>           counter of a limit; expires with its window
 *   rl:{address}:<what>        the same for guests, registrations and logins
 *   bid:{user}:<bidId>         an admitted bid: its state (a admitted, p pending; d decided, only for bids with an
 *                              idempotency key: entries of others are removed), and the JSON that is shown while the
 *                              bid is pending
 *   join:{user}:<saleId>       the id of the user's newest join of this line, for a few minutes (gateway/sale/places.h)
 *   order:{order}              the id of the sale of a queued order, for a few minutes (gateway/sale/orders.h)
 *   idem:{user}:<hash of key>  the id of the row that has this idempotency key: a bid, auction, item, image or webhook.
 *                              The id is a hash of the request (gateway/access/idempotency.h). While a creation is
 *                              under way: "open:" and an id of the reservation (gateway/access/creation.h)
 *   snap:<epoch>:{auction}     hash: v version, s the snapshot, lb version of top: (common/protocol/snapshot.h)
 *   top:<epoch>:{auction}      sorted set: bidders by their best amount; valid while lb, the version for which it was
 *                              written, equals v (both in snap:)
 *   sale:<epoch>:{sale}        hash: v version, s the snapshot of a flash sale (common/protocol/sale_snapshot.h)
 *   product:<epoch>:{product}  hash: the public JSON of a product (gateway/query/documents.h)
 *   hist:<epoch>:{auction}     hash: the first page of the bid history as JSON, by its limit; v the auction's version
 *   q:<epoch>:{search}         the answer to guests of the search with this hash, as JSON, for a few seconds
 *   shards                     hash: for each shard, the report of its worker (common/service/shards.h)
 *   depths                     hash: for each shard, the depth of its queue (likewise; written by end workers)
 *   sale_shards, sale_depths   the same two for the shards of flash sales
 *   gw:<gateway worker>        channel: decisions for a waiting gateway worker
 *   live:{auction}             channel: live updates of an auction (common/protocol/live_update.h)
 *   live:{sale}                channel: live updates of a flash sale (common/protocol/sale_live.h)
 *   user:{user}                channel: decisions and signals for one user (common/protocol/message.h)
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_KEYS_H
#define ROSTRUM_COMMON_PROTOCOL_KEYS_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum { KEYS_SIZE = 160 };

#define KEYS_SHARDS      "shards"
#define KEYS_DEPTHS      "depths"
#define KEYS_SALE_SHARDS "sale_shards"
#define KEYS_SALE_DEPTHS "sale_depths"

void keys_session(const struct uuid *user, const char *token_hash, char out[static KEYS_SIZE]);
void keys_seen(const char *account_hash, const char *address, char out[static KEYS_SIZE]);
void keys_user(int64_t epoch, const struct uuid *user, char out[static KEYS_SIZE]);
void keys_user_limit(const struct uuid *user, const char *what, char out[static KEYS_SIZE]);
void keys_text_limit(const char *text, const char *what,
                     char out[static KEYS_SIZE]); /* `text`: an address or the hash of an email address */
void keys_bid(const struct uuid *user, const struct uuid *bid, char out[static KEYS_SIZE]);
void keys_join(const struct uuid *user, const struct uuid *sale, char out[static KEYS_SIZE]);
void keys_order(const struct uuid *order, char out[static KEYS_SIZE]);
void keys_idempotency(const struct uuid *user, const char *key_hash, char out[static KEYS_SIZE]);
void keys_snapshot(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_sale(int64_t epoch, const struct uuid *sale, char out[static KEYS_SIZE]);
void keys_product(int64_t epoch, const struct uuid *product, char out[static KEYS_SIZE]);
void keys_leaderboard(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_history(int64_t epoch, const struct uuid *auction, char out[static KEYS_SIZE]);
void keys_search(int64_t epoch, const char *hash, char out[static KEYS_SIZE]);
void keys_reply_channel(const struct uuid *gateway, char out[static KEYS_SIZE]);
void keys_live_channel(const struct uuid *id, char out[static KEYS_SIZE]); /* of an auction or sale */
void keys_user_channel(const struct uuid *user, char out[static KEYS_SIZE]);
/* Parses a live or user channel: which of the two, and its id. False if it is neither. */
MUST_CHECK bool keys_parse_channel(const char *channel, bool *of_user, struct uuid *id);

#endif
