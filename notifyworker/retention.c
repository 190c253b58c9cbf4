/*
 * See retention.h.
 */
#include "notifyworker/retention.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/timer.h"

enum {
    FIRST_S = 2,     /* after the start */
    EVERY_S = 600,   /* between two sweeps that deleted few rows */
    ROWS_MAX = 5000, /* of each table, in one statement: well within its timeout */
    NUMBER_SIZE = 16,
};

/* $1 days, $2 rows of each table. A login from a place that was not used for 90 days is reported as new again. */
const struct pg_statement retention_table[RETENTION_STATEMENTS] = {
    [RETENTION_SWEEP] =
        {"retention_sweep",
         "WITH d AS (DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries"
         "  WHERE created_at < now() - $1::integer * interval '1 day' LIMIT $2::integer) RETURNING 1),"
         " t AS (DELETE FROM account_tokens WHERE hash IN (SELECT hash FROM account_tokens"
         "  WHERE expires_at < now() LIMIT $2::integer) RETURNING 1),"
         " p AS (DELETE FROM login_places WHERE (user_id, place) IN (SELECT user_id, place FROM login_places"
         "  WHERE seen_at < now() - interval '90 days' LIMIT $2::integer) RETURNING 1),"
         " e AS (UPDATE users SET erasing = erase_rows(id, $2) WHERE id IN (SELECT id FROM users WHERE erasing"
         "  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING erasing),"
         " s AS (DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
         "  WHERE expires_at < now() LIMIT $2::integer) RETURNING 1),"
         " k AS (DELETE FROM idempotency_keys WHERE (user_id, key_hash) IN (SELECT user_id, key_hash"
         "  FROM idempotency_keys WHERE made_at < now() - interval '24 hours' LIMIT $2::integer) RETURNING 1)"
         " SELECT greatest((SELECT count(*) FROM d), (SELECT count(*) FROM t), (SELECT count(*) FROM p),"
         "  (SELECT count(*) FROM s), (SELECT count(*) FROM k),"
         "  (SELECT CASE WHEN erasing THEN $2::integer ELSE 0 END FROM e))"},
};

struct retention {
    struct pg *pg;
    size_t first_statement;
    int keep_days;
    struct event *timer;
    bool draining;
};

static void arm(struct retention *retention, int seconds)
{
    if (!retention->draining) {
        timer_set(retention->timer, seconds * INT64_C(1000));
    }
}

static void on_swept(const struct pg_reply *reply, void *arg)
{
    struct retention *retention = arg;
    bool more = reply->outcome == PG_OK && pg_int(reply->result, 0, 0) >= ROWS_MAX;
    if (reply->outcome == PG_FAILED) {
        log_warn("expired rows cannot be deleted, retrying later: %s %s", reply->sqlstate, reply->message);
    }
    arm(retention, more ? FIRST_S : EVERY_S);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct retention *retention = arg;
    char days[NUMBER_SIZE];
    char rows[NUMBER_SIZE];
    const char *const values[] = {days, rows};
    (void)snprintf(days, sizeof(days), "%d", retention->keep_days);
    (void)snprintf(rows, sizeof(rows), "%d", ROWS_MAX);
    if (!pg_query(retention->pg, retention->first_statement + RETENTION_SWEEP, ARRAY_LEN(values), values, on_swept,
                  retention)) {
        arm(retention, FIRST_S);
    }
}

struct retention *retention_new(struct event_base *base, struct pg *pg, size_t first_statement, int keep_days)
{
    struct retention *retention = calloc(1, sizeof(*retention));
    if (retention == NULL) {
        return NULL;
    }
    *retention = (struct retention){.pg = pg, .first_statement = first_statement, .keep_days = keep_days};
    retention->timer = evtimer_new(base, on_timer, retention);
    if (retention->timer == NULL) {
        free(retention);
        return NULL;
    }
    arm(retention, FIRST_S);
    return retention;
}

void retention_free(struct retention *retention)
{
    if (retention == NULL) {
        return;
    }
    event_free(retention->timer);
    free(retention);
}

void retention_drain(struct retention *retention)
{
    retention->draining = true;
    (void)evtimer_del(retention->timer);
}
