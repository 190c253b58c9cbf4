/*
 * See refusals.h. Counts that are being written are kept until PostgreSQL has them; without it they add up.
 */
#include "gateway/access/refusals.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/pg_value.h"
#include "common/io/timer.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/core/client_counts.h"

enum {
    WRITE_MS = 1000, /* interval of writes of the counts */
    MINUTE_WRITES = 60,
    SUBJECT_SIZE = 128,
};

enum { REFUSALS_ADD, REFUSALS_CLOSE, REFUSALS_COUNT };

static const struct pg_statement list[] = {
    /* Arrays: $1 actions, $2 actors, $3 addresses, $4 subjects, $5 agents, $6 request ids, $7 counts. */
    [REFUSALS_ADD] =
        {"refusals_add",
         "INSERT INTO refusal_counts AS r (minute, action, actor_id, address, subject, agent, request_id,"
         " count) SELECT date_trunc('minute', now()), u.* FROM unnest($1::text[], $2::uuid[], $3::text[],"
         " $4::text[], $5::text[], $6::text[], $7::bigint[]) u ORDER BY 1, 2, 3, 4"
         " ON CONFLICT (minute, action, actor_id, address) DO UPDATE SET count = r.count + excluded.count"},
    /* delivery_id() begins with the time, as the ids of the log do. */
    [REFUSALS_CLOSE] = {"refusals_close",
                        "WITH closed AS (DELETE FROM refusal_counts WHERE (minute, action, actor_id, address) IN"
                        " (SELECT minute, action, actor_id, address FROM refusal_counts"
                        "  WHERE minute < date_trunc('minute', now()) ORDER BY minute LIMIT 256 FOR UPDATE SKIP LOCKED)"
                        " RETURNING *)"
                        " INSERT INTO audit_log (id, at, actor_id, address, agent, request_id, action, subject,"
                        " old_value, new_value, reason)"
                        " SELECT delivery_id(), now(), nullif(actor_id, '00000000-0000-0000-0000-000000000000'),"
                        " address, agent, request_id, action, subject, NULL,"
                        " jsonb_build_object('count', count, 'minute', minute), '' FROM closed"},
};
static_assert(ARRAY_LEN(list) == REFUSALS_COUNT, "each statement has its entry");

struct statements refusals_statements = {list, ARRAY_LEN(list), 0};

struct refusal {
    const char *action;
    struct uuid actor;
    char address[REQUEST_ADDRESS_SIZE];
    char subject[SUBJECT_SIZE]; /* the pattern of a route, or an id */
    char agent[AUDIT_AGENT_SIZE];
    char request_id[MESSAGE_REQUEST_ID_SIZE];
    int64_t count;
};

struct refusals {
    struct pg *pg;
    struct client_counts *counts;
    struct event *timer;
    int writes;  /* since the counts of the clients were cleared */
    size_t used; /* of `list`; the last entries are for those that have none, one for each action */
    struct refusal list[REFUSALS_MAX + REFUSALS_ACTIONS_MAX];
    size_t written; /* the first entries that PostgreSQL is adding; their counts are in `sent` */
    int64_t sent[REFUSALS_MAX + REFUSALS_ACTIONS_MAX];
};

/* ---- writing ---- */

static void next_write(struct refusals *refusals)
{
    timer_set(refusals->timer, WRITE_MS);
    if (++refusals->writes >= MINUTE_WRITES) {
        refusals->writes = 0;
        client_counts_clear(refusals->counts, CLIENT_REFUSALS);
    }
}

/* Removes the entries that were written and have had no refusal since. */
static void take_written(struct refusals *refusals)
{
    size_t kept = 0;
    for (size_t i = 0; i < refusals->used; i++) {
        refusals->list[i].count -= i < refusals->written ? refusals->sent[i] : 0;
        if (refusals->list[i].count > 0) {
            refusals->list[kept++] = refusals->list[i];
        }
    }
    refusals->used = kept;
    refusals->written = 0;
}

static void on_closed(const struct pg_reply *reply, void *arg)
{
    if (reply->outcome == PG_FAILED) {
        log_error("refusals could not be added to the audit log: %s", reply->message);
    }
    next_write(arg);
}

static void close_minutes(struct refusals *refusals)
{
    if (!statements_query(refusals->pg, &refusals_statements, REFUSALS_CLOSE, 0, NULL, on_closed, refusals)) {
        next_write(refusals);
    }
}

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct refusals *refusals = arg;
    if (reply->outcome == PG_OK) {
        take_written(refusals);
    } else if (reply->outcome == PG_FAILED) {
        log_error("refusals could not be counted: %s", reply->message);
    }
    refusals->written = 0;
    if (reply->outcome == PG_OK) {
        close_minutes(refusals);
    } else {
        next_write(refusals);
    }
}

enum { COLUMNS = 7 };

static bool send_counts(struct refusals *refusals, struct pg_array arrays[static COLUMNS])
{
    const char *values[COLUMNS];
    for (size_t i = 0; i < refusals->used; i++) {
        const struct refusal *refusal = &refusals->list[i];
        pg_array_text_add(&arrays[0], refusal->action);
        pg_array_uuid(&arrays[1], &refusal->actor);
        pg_array_text_add(&arrays[2], refusal->address);
        pg_array_text_add(&arrays[3], refusal->subject);
        pg_array_text_add(&arrays[4], refusal->agent);
        pg_array_text_add(&arrays[5], refusal->request_id);
        pg_array_int(&arrays[6], refusal->count);
        refusals->sent[i] = refusal->count;
    }
    bool ok = true;
    for (size_t i = 0; i < COLUMNS; i++) {
        values[i] = pg_array_done(&arrays[i]);
        ok = ok && values[i] != NULL;
    }
    return ok &&
           statements_query(refusals->pg, &refusals_statements, REFUSALS_ADD, COLUMNS, values, on_added, refusals);
}

static void do_write(evutil_socket_t fd, short what, void *arg)
{
    struct refusals *refusals = arg;
    struct pg_array arrays[COLUMNS] = {{.text = NULL}};
    (void)fd;
    (void)what;
    if (refusals->used == 0) {
        close_minutes(refusals);
        return;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        pg_array_reset(&arrays[i]);
    }
    refusals->written = refusals->used;
    if (!send_counts(refusals, arrays)) {
        refusals->written = 0;
        next_write(refusals);
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        pg_array_free(&arrays[i]);
    }
}

/* ---- counting ---- */

/* The entry of these values, or a new one; NULL: there is no room. */
static struct refusal *find(struct refusals *refusals, const struct uuid *actor, const char *address,
                            const char *action, size_t most)
{
    for (size_t i = 0; i < refusals->used; i++) {
        struct refusal *refusal = &refusals->list[i];
        if (uuid_equal(&refusal->actor, actor) && strcmp(refusal->action, action) == 0 &&
            strcmp(refusal->address, address) == 0) {
            return refusal;
        }
    }
    if (refusals->used >= most) {
        return NULL;
    }
    refusals->list[refusals->used].count = 0;
    return &refusals->list[refusals->used++];
}

static void begin(struct refusal *refusal, struct request *request, const struct uuid *actor, const char *address,
                  const char *action, const char *subject)
{
    struct audit_origin origin;
    audit_origin_read(request, &origin);
    *refusal = (struct refusal){.action = action, .actor = *actor};
    (void)snprintf(refusal->subject, sizeof(refusal->subject), "%s", subject);
    (void)snprintf(refusal->address, sizeof(refusal->address), "%s", address);
    (void)snprintf(refusal->agent, sizeof(refusal->agent), "%s", origin.agent);
    (void)snprintf(refusal->request_id, sizeof(refusal->request_id), "%s", request->id);
}

static void count(struct refusals *refusals, struct request *request, const struct uuid *actor, const char *action,
                  const char *subject)
{
    const char *address = request->address;
    struct refusal *refusal = find(refusals, actor, address, action, REFUSALS_MAX);
    static const struct uuid nobody;
    if (refusal == NULL) {
        actor = &nobody;
        address = "";
        refusal = find(refusals, actor, address, action, REFUSALS_MAX + REFUSALS_ACTIONS_MAX);
    }
    if (refusal != NULL && refusal->count++ == 0) {
        begin(refusal, request, actor, address, action, subject);
        refusal->count = 1;
    }
}

void refusals_note(struct request *request, const struct uuid *actor, const char *action, const char *subject)
{
    count(request->access->refusals, request, actor == NULL ? &request->user.id : actor, action, subject);
}

bool refusals_count(struct refusals *refusals, struct request *request, const char *action)
{
    count(refusals, request, &request->user.id, action, request->route->pattern);
    return client_counts_take(refusals->counts, &request->client, CLIENT_REFUSALS, 1);
}

/* ---- start and end ---- */

struct refusals *refusals_new(struct event_base *base, struct pg *pg, struct client_counts *counts)
{
    struct refusals *refusals = calloc(1, sizeof(*refusals));
    if (refusals == NULL) {
        return NULL;
    }
    refusals->pg = pg;
    refusals->counts = counts;
    refusals->timer = event_new(base, -1, 0, do_write, refusals);
    if (refusals->timer == NULL) {
        refusals_free(refusals);
        return NULL;
    }
    timer_set(refusals->timer, WRITE_MS);
    return refusals;
}

void refusals_free(struct refusals *refusals)
{
    if (refusals == NULL) {
        return;
    }
    if (refusals->timer != NULL) {
        event_free(refusals->timer);
    }
    free(refusals);
}
