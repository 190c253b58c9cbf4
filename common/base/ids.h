/*
 * Ids are UUIDs. New ones are version 7 (RFC 9562): they begin with the time, so that an index on them grows at its
 * end. An id that is derived from a key (idempotency, notifications) is version 8.
 */
#ifndef ROSTRUM_COMMON_BASE_IDS_H
#define ROSTRUM_COMMON_BASE_IDS_H

#include "common/base/base.h"

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 37 };

/* Version 7 of this moment. */
struct uuid uuid_new(void);
/* Version 8 out of the first 16 bytes of a keyed or plain hash. */
struct uuid uuid_from_hash(const uint8_t hash[static 16]);
/* Version 8 that sorts by `at_ms` like a version 7, the rest from a hash: the same input gives the same id. */
struct uuid uuid_from_hash_at(int64_t at_ms, const uint8_t hash[static 10]);

/* Lower-case 8-4-4-4-12. */
void uuid_format(const struct uuid *id, char out[static UUID_TEXT_SIZE]);
/* Exactly 36 characters in the 8-4-4-4-12 form, either case; `length` is that of `text`. */
MUST_CHECK bool uuid_parse(const char *text, size_t length, struct uuid *id);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
int uuid_compare(const struct uuid *a, const struct uuid *b);
bool uuid_is_nil(const struct uuid *id);

/*
 * The shard of an auction: FNV-1a (32 bit) over its 16 bytes, modulo the number of shards. The number of shards is
 * on record in PostgreSQL and never changes in the life of a deployment, else an auction would be split over two
 * queues.
 */
unsigned ids_shard(const struct uuid *auction_id, unsigned shards);

#endif
