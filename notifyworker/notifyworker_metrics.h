/*
 * What the notification worker counts. Callers: audience.c, watchers.c, deliveries.c; main.c shows it.
 */
#ifndef ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H
#define ROSTRUM_NOTIFYWORKER_NOTIFYWORKER_METRICS_H

#include "common/base/metrics.h"
#include "common/protocol/notification_kinds.h"
#include "notifyworker/delivery_states.h"
#include "notifyworker/push.h"

/*
 * Ends WITH told AS (INSERT INTO notifications …: what is there already is not told again; -> (kind, count written, and
 * which: push.h).
 */
#define NOTIFYWORKER_METRICS_TOLD_ONCE                                                                                 \
    " ON CONFLICT DO NOTHING RETURNING kind, user_id, id) SELECT kind, count(*), " PUSH_COLUMN                         \
    " FROM told GROUP BY kind"

extern struct metrics_family *const notifyworker_metrics_families[]; /* NULL-ended */

/* Of notifications: an index for each kind, and one for any other. */
enum { NOTIFYWORKER_METRICS_OTHER = NOTIFICATION_KIND_COUNT, NOTIFYWORKER_METRICS_KINDS };

/* The index of a kind ("OUTBID"): its enum notification_kind, or NOTIFYWORKER_METRICS_OTHER. */
size_t notifyworker_metrics_kind(const char *text);
/* `count` notifications of a kind were committed. */
void notifyworker_metrics_notified(size_t kind, int64_t count);
/* A try of a delivery has been written down: its channel, and the state that it left the delivery in. */
void notifyworker_metrics_delivered(const char *channel, enum delivery_state state);

#endif
