/*
 * Metrics of the notification worker. Callers: recipients.c, watchers.c, deliveries.c; main.c exposes them.
 */
#ifndef ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H
#define ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H

#include "common/base/metrics.h"
#include "notifyworker/push.h"

/*
 * Ends WITH inserted AS (INSERT INTO notifications …; existing rows are skipped. Returns kind, count of inserted rows,
 * and their users and ids (see push.h).
 */
#define NOTIFYWORKER_METRICS_INSERT_ONCE                                                                               \
    " ON CONFLICT DO NOTHING RETURNING kind, user_id, id) SELECT kind, count(*), " PUSH_COLUMN                         \
    " FROM inserted GROUP BY kind"

extern struct metrics_family *const notifyworker_metrics_families[]; /* NULL-ended */

enum {
    NOTIFYWORKER_METRICS_KINDS = 11
}; /* of notifications; the value NOTIFYWORKER_METRICS_KINDS stands for any other */

/* Returns the index of a kind ("OUTBID"). */
size_t notifyworker_metrics_kind(const char *text);
/* `count` notifications of a kind were committed. */
void notifyworker_metrics_notified(size_t kind, int64_t count);
/* The result of a delivery attempt was stored: its channel, and the resulting state of the delivery. */
void notifyworker_metrics_delivered(const char *channel, const char *state);

#endif
