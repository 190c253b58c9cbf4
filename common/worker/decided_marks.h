/*
 * The Redis entries of decided bids and commands (key bid:, common/protocol/keys.h). One with an idempotency key is
 * marked as decided. One without is removed, many by one command; the ledger has it. Called by results.c of bidworker
 * and saleworker.
 */
#ifndef ROSTRUM_COMMON_WORKER_DECIDED_MARKS_H
#define ROSTRUM_COMMON_WORKER_DECIDED_MARKS_H

#include "common/base/ids.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"

extern const struct redis_script decided_marks_script;

struct decided_marks {
    struct redis *redis;
    size_t script; /* number of decided_marks_script in the table of `redis` */
    int count;     /* of entries to be removed */
    char keys[REDIS_ARGUMENTS_MAX - 1][KEYS_SIZE];
};

/* They return false if Redis takes no more. Begin a batch with count 0, and end it with decided_marks_flush. */
MUST_CHECK bool decided_marks_add(struct decided_marks *marks, const struct uuid *user, const struct uuid *id,
                                  bool keyed);
MUST_CHECK bool decided_marks_flush(struct decided_marks *marks);

#endif
