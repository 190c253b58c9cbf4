/*
 * Live updates of a flash sale: one message for each version, from the sale worker after COMMIT to the gateways whose
 * clients watch the sale. Redis channel live:{sale}. A message is not stored and may be lost: a gap in the versions
 * shows the loss, and PostgreSQL has the state.
 *
 * From these messages a gateway keeps the exact position of each place that its clients have. A place that still waits
 * was behind all `granted` ones, since turns are granted in the order of the line. It was behind those of `gone` that
 * have a lower seq. A place below `head_seq`, or in `gone`, does not wait any more.
 *
 * Callers: saleworker/live_updates (publishes); gateway/live/sale_watch (reads).
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SALE_LIVE_H
#define ROSTRUM_COMMON_PROTOCOL_SALE_LIVE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/io/redis.h"
#include "common/rules/sale_set.h"

enum { SALE_LIVE_GONE_MAX = 256 /* places in one message that were left; with more, `look` is set */ };

struct sale_live {
    struct uuid sale_id;
    int64_t version;
    int64_t at_ms; /* time of the decision */
    enum sale_status status;
    int64_t quantity; /* claimed + reserved + sold are at most this */
    int64_t claimed;
    int64_t reserved;
    int64_t sold;
    int64_t waiting;
    int64_t head_seq; /* no place with a lower seq waits */
    int64_t join_ms;
    int64_t start_ms;
    int64_t end_ms;
    int64_t granted;                  /* turns that this version granted: rows `turn` of the ledger */
    bool look;                        /* `granted` and `gone` are not known: positions must be read again */
    size_t gone_count;                /* of `gone` */
    int64_t gone[SALE_LIVE_GONE_MAX]; /* seqs of places that were left while they waited, in any order */
};

/* Adds a place to `gone`. If there is no room, sets `look`. */
void sale_live_add_gone(struct sale_live *update, int64_t seq);
/* Appends the message to `writer`, which must be empty. */
void sale_live_write(struct jsonw *writer, const struct sale_live *update);
/* Parses a message. False if a member is missing, of another type, or out of its bounds. */
MUST_CHECK bool sale_live_read(const char *bytes, size_t length, struct sale_live *update);

#endif
