/*
 * Ids are UUIDs. New ones are version 7 (RFC 9562): they start with the time, so that new index entries are adjacent.
 * Ids derived from a key (idempotency, notifications) are version 8.
 */
#ifndef ROSTRUM_COMMON_BASE_IDS_H
#define ROSTRUM_COMMON_BASE_IDS_H

#include "common/base/base.h"

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 37 };

/* Version 7, with the current time. */
struct uuid uuid_new(void);
/* Version 8 from the first 16 bytes of a keyed or plain hash. */
struct uuid uuid_from_hash(const uint8_t hash[static 16]);
/*
 * Version 8 that sorts by `at_ms` like a version 7; the other bits come from the hash. Equal input gives an equal id.
 */
struct uuid uuid_from_hash_at(int64_t at_ms, const uint8_t hash[static 10]);

/* Lower-case 8-4-4-4-12. */
void uuid_format(const struct uuid *id, char out[static UUID_TEXT_SIZE]);
/* Accepts exactly 36 characters in the 8-4-4-4-12 form, upper or lower case. `length` is the length of `text`. */
MUST_CHECK bool uuid_parse(const char *text, size_t length, struct uuid *id);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
int uuid_compare(const struct uuid *a, const struct uuid *b);
bool uuid_is_nil(const struct uuid *id);

/*
 * The shard of an auction: FNV-1a (32 bit) of its 16 bytes, modulo the number of shards. PostgreSQL stores the number
 * of shards of a deployment. It never changes, otherwise the bids of one auction would be in two queues.
 */
unsigned ids_shard(const struct uuid *auction_id, unsigned shards);

#endif
