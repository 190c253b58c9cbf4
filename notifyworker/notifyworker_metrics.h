/*
 * What the notification worker counts. Callers: audience.c, watchers.c, deliveries.c; main.c shows it.
 */
#ifndef ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H
#define ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H

#include "common/base/metrics.h"
#include "notifyworker/push.h"

/*
 * Ends WITH told AS (INSERT INTO notifications …: what is there already is not told again; -> (kind, count written, and
 * which: push.h).
 */
#define NOTIFYWORKER_METRICS_TOLD_ONCE                                                                                 \
    " ON CONFLICT DO NOTHING RETURNING kind, user_id, id) SELECT kind, count(*), " PUSH_COLUMN                         \
    " FROM told GROUP BY kind"

extern struct metrics_family *const notifyworker_metrics_families[]; /* NULL-ended */

enum { NOTIFYWORKER_METRICS_KINDS = 11 }; /* of notifications; NOTIFYWORKER_METRICS_KINDS itself stands for any other */

/* The index of a kind ("OUTBID"). */
size_t notifyworker_metrics_kind(const char *text);
/* `count` notifications of a kind were committed. */
void notifyworker_metrics_notified(size_t kind, int64_t count);
/* A try of a delivery has been written down: its channel, and the state that it left the delivery in. */
void notifyworker_metrics_delivered(const char *channel, const char *state);

#endif
