/*
 * See lease.h. Only set_state changes the state. The pool has one connection, so that its on_change reports the
 * session.
 */
#include "common/service/lease.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/unit.h"
#include "common/io/pg.h"
#include "common/io/timer.h"

enum { STATEMENT_RELEASE, STATEMENT_TAKE, STATEMENT_CONFIRM, STATEMENT_OWN };

enum {
    PENDING_MAX = 8, /* a poll, a release and the owner's statements */
    SESSION_SIZE = 512,
    NUMBER_SIZE = 16,
    CLIENT_CHECK_MS = 1000,
};

struct lease {
    struct lease_options options;
    struct pg_statement statements[STATEMENT_OWN + LEASE_STATEMENTS_MAX];
    char session[SESSION_SIZE];
    char application[UNIT_APPLICATION_SIZE];
    struct pg *pg;
    struct event *poll_timer;
    struct event *expiry_timer;
    uint32_t key;
    enum lease_state state;
    bool querying;        /* a poll's statement is unanswered */
    bool given_up;        /* since that statement was sent: its lock is released behind it */
    int64_t asked_ms;     /* when it was sent; this and the next two on clock_boot_ms */
    int64_t confirmed_ms; /* when the last one that confirmed the lease was sent */
    int64_t rest_until_ms;
    int64_t fit_ms;    /* when the owner was last fit */
    int64_t polled_ms; /* when the loop last came to a poll */
    bool hung;         /* the last loss: see lease_hung */
};

static const char *const state_labels[] = {
    [LEASE_NONE] = "given_up", [LEASE_LOST] = "lost", [LEASE_HELD] = "held", [LEASE_UNSURE] = "unsure"};
static_assert(ARRAY_LEN(state_labels) == LEASE_STATE_COUNT, "each state has a label");

static const char *const state_names[] = {
    [LEASE_NONE] = "given up",
    [LEASE_LOST] = "lost: PostgreSQL did not confirm it in time",
    [LEASE_HELD] = "held",
    [LEASE_UNSURE] = "unsure: its session was lost",
};
static_assert(ARRAY_LEN(state_names) == LEASE_STATE_COUNT, "each state has a name");

struct metrics_family lease_metrics = {
    .name = "rostrum_lease_changes_total",
    .help = "Changes of the lease by which a bid worker holds its shards, or an end worker leads, by the new state.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"state", state_labels, ARRAY_LEN(state_labels)}},
};

static int64_t lease_ms(const struct lease *lease)
{
    return lease->options.config->lease_s * INT64_C(1000);
}

static bool has_lease(const struct lease *lease)
{
    return lease->state == LEASE_HELD || lease->state == LEASE_UNSURE;
}

/* Since the lease expired; negative before. */
static int64_t overdue_ms(const struct lease *lease)
{
    return clock_boot_ms() - lease->confirmed_ms - lease_ms(lease);
}

/* Polls come many times a lease, whatever PostgreSQL does. */
static bool stood_still(const struct lease *lease)
{
    return clock_boot_ms() - lease->polled_ms >= lease_ms(lease) / 2;
}

static bool is_expired(const struct lease *lease)
{
    return overdue_ms(lease) >= 0;
}

static void set_state(struct lease *lease, enum lease_state state)
{
    if (lease->state == state) {
        return;
    }
    if (state == LEASE_LOST) {
        lease->hung = stood_still(lease);
    }
    lease->state = state;
    metrics_add(&lease_metrics, state, 0, 0, 1);
    log_line(state == LEASE_HELD ? LOG_INFO : LOG_WARN, NULL, "lease %" PRIu32 " is %s", lease->key,
             state_names[state]);
    lease->options.changed(state, lease->options.arg);
}

static void draw_key(struct lease *lease)
{
    const struct lease_options *options = &lease->options;
    lease->key = options->key_least + randombytes_uniform(options->key_most - options->key_least + 1);
}

/* The lease holds for lease_s from the moment at which the statement was sent. */
static void confirm(struct lease *lease)
{
    lease->confirmed_ms = lease->asked_ms;
    if (is_expired(lease)) {
        set_state(lease, LEASE_LOST); /* this process stood still */
        return;
    }
    timer_set(lease->expiry_timer, -overdue_ms(lease));
    set_state(lease, LEASE_HELD);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
    struct lease *lease = arg;
    (void)fd;
    (void)what;
    if (has_lease(lease) && is_expired(lease)) {
        set_state(lease, LEASE_LOST);
    } else if (has_lease(lease)) {
        timer_set(lease->expiry_timer, -overdue_ms(lease));
    }
}

static void on_taken(const struct pg_reply *reply, void *arg)
{
    struct lease *lease = arg;
    lease->querying = false;
    if (reply->outcome != PG_OK || lease->given_up) {
        return; /* tried again by the timer, or when there is a session again */
    }
    if (PQntuples(reply->result) == 1 && pg_bool(reply->result, 0, 0)) {
        confirm(lease);
        lease_poll(lease);
    } else if (!has_lease(lease)) {
        draw_key(lease);
    } /* else the lost session still holds it: PostgreSQL ends that soon */
}

static void on_confirmed(const struct pg_reply *reply, void *arg)
{
    struct lease *lease = arg;
    lease->querying = false;
    if (reply->outcome != PG_OK || lease->state != LEASE_HELD) {
        return;
    }
    confirm(lease);
    if (lease->state == LEASE_HELD && lease->options.confirmed != NULL) {
        lease->options.confirmed(reply->result, lease->options.arg);
    }
}

static void on_released(const struct pg_reply *reply, void *arg)
{
    struct lease *lease = arg;
    lease->querying = false;
    if (reply->outcome == PG_FAILED) {
        log_warn("lease %" PRIu32 ": it cannot be given up before it ends by itself: %s", lease->key, reply->message);
    }
}

static bool is_wanted(struct lease *lease)
{
    int64_t now_ms = clock_boot_ms();
    if (lease->options.fit(lease->options.arg)) {
        lease->fit_ms = now_ms;
    }
    return now_ms >= lease->rest_until_ms && now_ms - lease->fit_ms < LEASE_UNFIT_MS;
}

/* One statement at a time. Its answer carries on. */
static void poll(struct lease *lease)
{
    char key[NUMBER_SIZE];
    const char *const values[] = {key};
    bool wanted = is_wanted(lease);
    if (has_lease(lease) && is_expired(lease)) {
        set_state(lease, LEASE_LOST);
    } else if (has_lease(lease) && !wanted) {
        lease_release(lease, 0);
    }
    lease->polled_ms = clock_boot_ms();
    if (lease->querying || !pg_up(lease->pg)) {
        return;
    }
    lease->asked_ms = clock_boot_ms();
    lease->given_up = false;
    (void)snprintf(key, sizeof key, "%" PRIu32, lease->key);
    if (lease->state == LEASE_HELD) {
        lease->querying = pg_query(lease->pg, STATEMENT_CONFIRM, 0, NULL, on_confirmed, lease);
    } else if (wanted) {
        lease->querying = pg_query(lease->pg, STATEMENT_TAKE, ARRAY_LEN(values), values, on_taken, lease);
    } else {
        /* Keeps the session, which PostgreSQL would end as idle, and frees a lock that a late answer brought. */
        lease->querying = pg_query(lease->pg, STATEMENT_RELEASE, 0, NULL, on_released, lease);
    }
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    poll(arg);
}

static void on_session(struct pg *pg, bool up, void *arg)
{
    struct lease *lease = arg;
    (void)pg;
    if (up) {
        lease_poll(lease);
    } else if (lease->state == LEASE_HELD) {
        set_state(lease, is_expired(lease) ? LEASE_LOST : LEASE_UNSURE);
    }
}

/*
 * What makes PostgreSQL 15 end the session within lease_s in every state it can be in: idle, inside a statement,
 * sending its result, or without a client. One of them alone does not.
 */
static void write_session(struct lease *lease)
{
    int64_t limit_ms = lease_ms(lease);
    int length = snprintf(lease->session, sizeof lease->session,
                          "-c idle_session_timeout=%" PRId64 " -c idle_in_transaction_session_timeout=%" PRId64
                          " -c statement_timeout=%" PRId64 " -c tcp_user_timeout=%" PRId64
                          " -c client_connection_check_interval=%d",
                          limit_ms, limit_ms, limit_ms * 2 / 3, limit_ms, CLIENT_CHECK_MS);
    assert(length > 0 && (size_t)length < sizeof lease->session);
    (void)length;
}

static void write_statements(struct lease *lease)
{
    const struct lease_options *options = &lease->options;
    assert(options->statement_count <= LEASE_STATEMENTS_MAX);
    lease->statements[STATEMENT_RELEASE] = (struct pg_statement){"lease_release", "SELECT pg_advisory_unlock_all()"};
    lease->statements[STATEMENT_TAKE] = (struct pg_statement){"lease_take", options->take};
    lease->statements[STATEMENT_CONFIRM] = (struct pg_statement){"lease_confirm", options->confirm};
    for (size_t i = 0; i < options->statement_count; i++) {
        lease->statements[STATEMENT_OWN + i] = options->statements[i];
    }
}

static bool lease_open(struct lease *lease)
{
    const struct lease_options *options = &lease->options;
    struct timeval period = clock_timeval(options->poll_ms);
    struct pg_options pg = {
        .base = options->base,
        .url = options->config->pg_url,
        .application = lease->application,
        .session = lease->session,
        .statements = lease->statements,
        .statement_count = STATEMENT_OWN + options->statement_count,
        .connections = 1,
        .timeout_ms = (int)(lease_ms(lease) * 2 / 3), /* time is left for a second session within the lease */
        .pending_max = PENDING_MAX,
        .on_change = on_session,
        .arg = lease,
    };
    lease->poll_timer = event_new(options->base, -1, EV_PERSIST, on_poll, lease);
    lease->expiry_timer = evtimer_new(options->base, on_expiry, lease);
    lease->pg = pg_new(&pg);
    return lease->poll_timer != NULL && lease->expiry_timer != NULL && lease->pg != NULL &&
           evtimer_add(lease->poll_timer, &period) == 0;
}

struct lease *lease_new(const struct lease_options *options)
{
    struct lease *lease = calloc(1, sizeof *lease);
    if (lease == NULL) {
        return NULL;
    }
    lease->options = *options;
    lease->fit_ms = clock_boot_ms();
    lease->polled_ms = lease->fit_ms;
    draw_key(lease);
    write_session(lease);
    write_statements(lease);
    unit_application(options->application, lease->application);
    if (!lease_open(lease)) {
        lease_free(lease);
        return NULL;
    }
    return lease;
}

void lease_free(struct lease *lease)
{
    if (lease == NULL) {
        return;
    }
    lease->state = LEASE_NONE; /* pg_free calls the last callbacks, which then change nothing */
    pg_free(lease->pg);
    struct event *timers[] = {lease->poll_timer, lease->expiry_timer};
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        if (timers[i] != NULL) {
            event_free(timers[i]);
        }
    }
    free(lease);
}

enum lease_state lease_state(const struct lease *lease)
{
    return has_lease(lease) && is_expired(lease) ? LEASE_LOST : lease->state;
}

bool lease_hung(const struct lease *lease)
{
    return lease->state == LEASE_LOST ? lease->hung : has_lease(lease) && is_expired(lease) && stood_still(lease);
}

uint32_t lease_key(const struct lease *lease)
{
    return lease->key;
}

void lease_release(struct lease *lease, int64_t rest_ms)
{
    if (!has_lease(lease)) {
        return;
    }
    lease->rest_until_ms = clock_boot_ms() + rest_ms;
    lease->given_up = true;
    set_state(lease, LEASE_NONE); /* before the lock is free: this worker stops first */
    if (!pg_query(lease->pg, STATEMENT_RELEASE, 0, NULL, NULL, NULL)) {
        log_debug("lease %" PRIu32 ": there is no session to release it in", lease->key);
    }
}

void lease_poll(struct lease *lease)
{
    event_active(lease->poll_timer, EV_TIMEOUT, 0);
}

bool lease_query(struct lease *lease, size_t statement, int count, const char *const *values, pg_callback callback,
                 void *arg)
{
    assert(statement < lease->options.statement_count);
    return pg_query(lease->pg, STATEMENT_OWN + statement, count, values, callback, arg);
}
