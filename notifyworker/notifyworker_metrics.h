/*
 * Metrics of the notification worker. Callers: recipients.c, watchers.c, deliveries.c; main.c exposes them.
 */
#ifndef ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H
#define ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H

#include "common/base/metrics.h"
#include "common/protocol/notification_kinds.h"
#include "notifyworker/delivery_states.h"
#include "notifyworker/push.h"

/*
 * Ends WITH inserted AS (INSERT INTO notifications …; existing rows are skipped. Returns kind, count of inserted rows,
 * and their users and ids (see push.h).
 */
#define NOTIFYWORKER_METRICS_INSERT_ONCE                                                                               \
    " ON CONFLICT DO NOTHING RETURNING kind, user_id, id) SELECT kind, count(*), " PUSH_COLUMN                         \
    " FROM inserted GROUP BY kind"

extern struct metrics_family *const notifyworker_metrics_families[]; /* NULL-ended */

/* Of notifications: an index for each kind, and one for any other. */
enum { NOTIFYWORKER_METRICS_OTHER = NOTIFICATION_KIND_COUNT, NOTIFYWORKER_METRICS_KINDS };

/* Returns the index of a kind ("OUTBID"): its enum notification_kind, or NOTIFYWORKER_METRICS_OTHER. */
size_t notifyworker_metrics_kind(const char *text);
/* `count` notifications of a kind were committed. */
void notifyworker_metrics_notified(size_t kind, int64_t count);
/* The result of a delivery attempt was stored: its channel, and the resulting state of the delivery. */
void notifyworker_metrics_delivered(const char *channel, enum delivery_state state);

#endif
