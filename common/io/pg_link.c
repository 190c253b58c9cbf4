/*
 * One connection to PostgreSQL: connects step by step, prepares the statements, sends into libpq's pipeline and reads
 * the results in order. Called by the event loop and by pg.c; calls back through its owner's table.
 *
 * Any irregularity (a late statement, a result out of order, a FATAL message) ends the connection, and a new one is
 * made after a back-off. That is safe because nothing is assumed about a statement without a result: PG_LOST.
 *
 * libpq resolves the host name of the URL when it starts a connection, which blocks. Use addresses, or a local
 * resolver.
 */
#include "common/io/pg_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/keepalive.h"
#include "common/io/timer.h"

enum {
    BACKOFF_LEAST_MS = 50,
    BACKOFF_MOST_MS = 2000,
    EXPECTED_FIRST_SIZE = 64, /* entries; doubles, bounded by pending_max */
    RESULTS_PER_PASS = 512,   /* from one connection in one pass, before other events run */
    REASON_SIZE = 256,
};

static void link_lost(struct pg_link *link, const char *reason);

bool pg_link_usable(const struct pg_link *link)
{
    return link->state == PG_LINK_UP && !link->broken;
}

bool pg_link_has_room(const struct pg_link *link)
{
    return pg_link_usable(link) && link->pending < link->owner->pending_max;
}

/* --- the ring of expected results --------------------------------------------------------------------------------- */

struct pg_expected *pg_link_expected(struct pg_link *link, size_t i)
{
    return &link->expected[(link->expected_first + i) & (link->expected_size - 1)];
}

static bool expected_reserve(struct pg_link *link)
{
    if (link->expected_count < link->expected_size) {
        return true;
    }
    size_t size = link->expected_size == 0 ? EXPECTED_FIRST_SIZE : link->expected_size * 2;
    struct pg_expected *grown = calloc(size, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    for (size_t i = 0; i < link->expected_count; i++) {
        grown[i] = *pg_link_expected(link, i);
    }
    free(link->expected);
    link->expected = grown;
    link->expected_first = 0;
    link->expected_size = size;
    return true;
}

/* Room was reserved before the message was sent, so that everything sent has an entry. */
static void expected_push(struct pg_link *link, const struct pg_expected *expected)
{
    assert(link->expected_count < link->expected_size);
    struct pg_expected *place = pg_link_expected(link, link->expected_count++);
    *place = *expected;
    place->sent_us = clock_mono_us();
    place->sent_ms = place->sent_us / 1000;
    if (expected->kind != PG_EXPECT_SYNC) {
        link->pending++;
    }
    if (link->state == PG_LINK_UP && !event_pending(link->timer, EV_TIMEOUT, NULL)) {
        timer_set(link->timer, link->owner->timeout_ms);
    }
}

static struct pg_expected expected_pop(struct pg_link *link)
{
    assert(link->expected_count > 0);
    struct pg_expected first = *pg_link_expected(link, 0);
    link->expected_first = (link->expected_first + 1) & (link->expected_size - 1);
    link->expected_count--;
    if (first.kind != PG_EXPECT_SYNC) {
        link->pending--;
    }
    return first;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* A call of the owner must not end the connection directly: that would run callbacks inside the call. */
static bool link_break(struct pg_link *link)
{
    link->broken = true;
    event_active(link->timer, EV_TIMEOUT, 0);
    return false;
}

static bool link_flush(struct pg_link *link)
{
    int left = PQflush(link->conn);
    if (left < 0 || (left > 0 && event_add(link->write, NULL) != 0)) {
        return link_break(link);
    }
    return true;
}

bool pg_link_execute(struct pg_link *link, const struct pg_expected *expected, const char *name, int count,
                     const char *const *values, const int *lengths, const int *formats)
{
    if (!expected_reserve(link) || PQsendQueryPrepared(link->conn, name, count, values, lengths, formats, 0) != 1) {
        return link_break(link);
    }
    expected_push(link, expected);
    return true;
}

bool pg_link_command(struct pg_link *link, const struct pg_expected *expected, const char *sql)
{
    if (!expected_reserve(link) || PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 0) != 1) {
        return link_break(link);
    }
    expected_push(link, expected);
    return true;
}

bool pg_link_sync(struct pg_link *link)
{
    if (!expected_reserve(link) || PQpipelineSync(link->conn) != 1) {
        return link_break(link);
    }
    expected_push(link, &(struct pg_expected){.kind = PG_EXPECT_SYNC});
    return link_flush(link);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static struct pg_reply reply_of(const PGresult *result)
{
    struct pg_reply reply = {.outcome = PG_OK, .result = result, .message = ""};
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return reply;
    }
    reply.result = NULL;
    if (status == PGRES_PIPELINE_ABORTED) {
        reply.outcome = PG_LOST;
        reply.message = "an earlier statement failed";
        return reply;
    }
    reply.outcome = PG_FAILED;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    (void)snprintf(reply.sqlstate, sizeof(reply.sqlstate), "%s", state == NULL ? "XX000" : state);
    reply.message = message == NULL ? "unexpected kind of result" : message;
    return reply;
}

/*
 * True if this result ends the connection: a FATAL error, or an error of libpq itself (no SQLSTATE). Also if prepared
 * statements no longer match the schema (26000, 0A000 after a migration), or if the server has become read-only (25006)
 * and another host may be the primary now. None shows whether the statement took effect.
 */
static bool result_ends_connection(const struct pg_link *link, const PGresult *result)
{
    if (PQresultStatus(result) != PGRES_FATAL_ERROR) {
        return false;
    }
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return state == NULL || severity == NULL || strcmp(severity, "ERROR") != 0 || strcmp(state, "26000") == 0 ||
           strcmp(state, "0A000") == 0 || (link->owner->hosts->needs_primary && strcmp(state, "25006") == 0);
}

/*
 * True for a false result of libpq. When libpq 15 finds a connection closed, it drops its queue of sent commands. It
 * then parses the rest of its buffer as the description of a statement. The result has no rows and lacks the command
 * tag that ends each real result, so it would look like "no rows". Results of preparing have no tag and are not
 * checked.
 */
static bool result_is_cut_off(const struct pg_expected *expected, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return expected->kind != PG_EXPECT_PREPARED && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) &&
           PQcmdStatus(result)[0] == '\0';
}

/* If the transaction has failed before, the server replies to COMMIT with the tag ROLLBACK and no error. */
static void commit_check(struct pg_reply *reply, PGresult *result)
{
    if (reply->outcome == PG_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        *reply = (struct pg_reply){.outcome = PG_FAILED, .sqlstate = "25P02", .message = "the server rolled back"};
    }
}

/* Class 42: the statement names a table, column or function that does not exist. */
static void link_not_prepared(struct pg_link *link, const struct pg_reply *reply)
{
    char reason[REASON_SIZE];
    bool other_schema = strncmp(reply->sqlstate, "42", 2) == 0;
    (void)snprintf(reason, sizeof reason, "%s%s", reply->message,
                   other_schema ? "; the schema is of another version: run rostrumctl migrate" : "");
    link_lost(link, reason);
}

static void link_answer(struct pg_link *link, const struct pg_expected *expected, PGresult *result)
{
    struct pg_reply reply = reply_of(result);
    switch (expected->kind) {
    case PG_EXPECT_COMMIT:
        commit_check(&reply, result);
        link->owner->answered(link, expected, &reply, link->owner->arg);
        break;
    case PG_EXPECT_STATEMENT:
    case PG_EXPECT_BEGIN:
        link->owner->answered(link, expected, &reply, link->owner->arg);
        break;
    case PG_EXPECT_PREPARED:
        if (reply.outcome != PG_OK) {
            link_not_prepared(link, &reply);
        }
        break;
    case PG_EXPECT_OPENING:
        if (reply.outcome != PG_OK) {
            link_not_prepared(link, &reply);
        } else if (!link->owner->opened(link, result, link->owner->arg)) {
            link_lost(link, "the result of the opening query was not accepted");
        }
        break;
    case PG_EXPECT_ROLLBACK:
        if (reply.outcome != PG_OK) {
            link_lost(link, reply.message);
        }
        break;
    case PG_EXPECT_SYNC:
        break;
    }
}

static void link_set_up(struct pg_link *link)
{
    link->state = PG_LINK_UP;
    link->backoff_ms = BACKOFF_LEAST_MS;
    link->failures = 0;
    (void)event_del(link->timer);
    link->owner->on_change(true, link->owner->arg);
}

/* Processes a result of PQgetResult for the oldest expected entry; NULL ends a statement's results. */
static void link_take(struct pg_link *link, PGresult *result)
{
    bool is_sync = result != NULL && PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    bool expects_sync = pg_link_expected(link, 0)->kind == PG_EXPECT_SYNC;
    if (is_sync != expects_sync || (result == NULL && link->result == NULL)) {
        PQclear(result);
        link_lost(link, "results out of order");
        return;
    }
    if (is_sync) {
        PQclear(result);
        (void)expected_pop(link);
        if (link->state == PG_LINK_PREPARING) {
            link_set_up(link);
        }
        return;
    }
    if (result != NULL) {
        /* A statement has one result; further ones are ignored. */
        if (link->result == NULL) {
            link->result = result;
        } else {
            PQclear(result);
        }
        return;
    }
    if (result_ends_connection(link, link->result)) {
        link_lost(link, PQresultErrorMessage(link->result));
        return;
    }
    if (result_is_cut_off(pg_link_expected(link, 0), link->result)) {
        link_lost(link, "a result was cut off");
        return;
    }
    PGresult *answer = link->result;
    link->result = NULL;
    struct pg_expected expected = expected_pop(link);
    link->answered_ms = clock_mono_ms();
    link_answer(link, &expected, answer);
    PQclear(answer);
}

static void link_drain(struct pg_link *link, size_t most)
{
    while (link->conn != NULL && link->expected_count > 0 && !PQisBusy(link->conn)) {
        if (most-- == 0) {
            event_active(link->read, EV_READ, 0);
            return;
        }
        link_take(link, PQgetResult(link->conn));
    }
}

static void link_on_read(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct pg_link *link = arg;
    const struct pg_link_owner *owner = link->owner;
    const PGconn *conn = link->conn;
    owner->enter(owner->arg);
    bool alive = PQconsumeInput(link->conn) == 1;
    /* Results received before the end are valid: a COMMIT may be among them. */
    link_drain(link, alive ? RESULTS_PER_PASS : SIZE_MAX);
    if (link->conn == conn && !alive) {
        link_lost(link, PQerrorMessage(link->conn));
    } else if (link->conn == conn) {
        (void)link_flush(link); /* on failure the timer ends the connection */
    }
    owner->leave(owner->arg);
}

static void link_on_write(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)link_flush(arg); /* on failure the timer ends the connection */
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static void link_notice(void *arg, const char *message)
{
    (void)arg;
    log_debug("pg: %s", message);
}

/*
 * A commit that was answered must survive a crash of the server, whatever its settings, role and database say. A
 * stronger setting is kept: the parameter "options" of the connection would replace it.
 */
static const char DURABLE[] = "SELECT set_config('synchronous_commit', 'on', false)"
                              " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/* Sends the setting, all statements for preparing and the opening query in one pipeline; the result of the sync means
 * UP. */
static bool link_prepare(struct pg_link *link)
{
    const struct pg_link_owner *owner = link->owner;
    if (!expected_reserve(link) || PQsendQueryParams(link->conn, DURABLE, 0, NULL, NULL, NULL, NULL, 0) != 1) {
        return false;
    }
    expected_push(link, &(struct pg_expected){.kind = PG_EXPECT_PREPARED});
    for (size_t i = 0; i < owner->statement_count; i++) {
        const struct pg_statement *statement = &owner->statements[i];
        if (!expected_reserve(link) || PQsendPrepare(link->conn, statement->name, statement->sql, 0, NULL) != 1) {
            return false;
        }
        expected_push(link, &(struct pg_expected){.kind = PG_EXPECT_PREPARED});
    }
    if (owner->opening != NULL) {
        if (!pg_link_command(link, &(struct pg_expected){.kind = PG_EXPECT_OPENING}, owner->opening)) {
            return false;
        }
    }
    return pg_link_sync(link);
}

static void link_connected(struct pg_link *link)
{
    struct event_base *base = link->owner->base;
    int fd = PQsocket(link->conn);
    link->state = PG_LINK_PREPARING;
    pg_hosts_worked(link->owner->hosts, link->host);
    timer_set(link->timer, link->tried_ms + link->owner->timeout_ms - clock_mono_ms());
    link->read = event_new(base, fd, EV_READ | EV_PERSIST, link_on_read, link);
    link->write = event_new(base, fd, EV_WRITE, link_on_write, link);
    if (link->read == NULL || link->write == NULL || event_add(link->read, NULL) != 0) {
        link_lost(link, "no memory for events");
        return;
    }
    if (PQsetnonblocking(link->conn, 1) != 0 || PQenterPipelineMode(link->conn) != 1 || !link_prepare(link)) {
        link_lost(link, PQerrorMessage(link->conn));
    }
}

static void link_on_step(evutil_socket_t fd, short what, void *arg);

static void link_wait_step(struct pg_link *link, short what)
{
    link->step = event_new(link->owner->base, PQsocket(link->conn), what, link_on_step, link);
    if (link->step == NULL || event_add(link->step, NULL) != 0) {
        link_lost(link, "no memory for events");
    }
}

static void link_on_step(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct pg_link *link = arg;
    const struct pg_link_owner *owner = link->owner;
    owner->enter(owner->arg);
    /* Freed before PQconnectPoll, which may close the socket and open another one with the same number. */
    event_free(link->step);
    link->step = NULL;
    switch (PQconnectPoll(link->conn)) {
    case PGRES_POLLING_READING:
        link_wait_step(link, EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        link_wait_step(link, EV_WRITE);
        break;
    case PGRES_POLLING_OK:
        link_connected(link);
        break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        link_lost(link, PQerrorMessage(link->conn));
        break;
    }
    owner->leave(owner->arg);
}

static void link_connect(struct pg_link *link)
{
    const struct pg_link_owner *owner = link->owner;
    char user_timeout[16];
    (void)snprintf(user_timeout, sizeof(user_timeout), "%d", owner->timeout_ms);
    const struct pg_hosts *hosts = owner->hosts;
    const size_t host = hosts->next;
    /* What follows "dbname" overrides the URL in it. A value that is NULL overrides nothing. */
    const char *const names[] = {"dbname",
                                 "host",
                                 "hostaddr",
                                 "port",
                                 "target_session_attrs",
                                 "application_name",
                                 "options",
                                 "tcp_user_timeout",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "client_encoding",
                                 NULL};
    const char *const values[] = {owner->url,
                                  hosts->host[host],
                                  hosts->address[host],
                                  hosts->port[host],
                                  hosts->session,
                                  owner->application,
                                  owner->libpq_options,
                                  user_timeout,
                                  KEEPALIVE_TEXT(KEEPALIVE_IDLE_S),
                                  KEEPALIVE_TEXT(KEEPALIVE_INTERVAL_S),
                                  KEEPALIVE_TEXT(KEEPALIVE_COUNT),
                                  "UTF8",
                                  NULL};
    link->state = PG_LINK_CONNECTING;
    link->broken = false;
    link->host = host;
    link->tried_ms = clock_mono_ms();
    timer_set(link->timer, pg_hosts_deadline_ms(hosts, owner->timeout_ms));
    link->conn = PQconnectStartParams(names, values, 1);
    if (link->conn == NULL) {
        link_lost(link, "no memory");
        return;
    }
    (void)PQsetNoticeProcessor(link->conn, link_notice, NULL);
    if (PQstatus(link->conn) == CONNECTION_BAD) {
        link_lost(link, PQerrorMessage(link->conn));
        return;
    }
    link_wait_step(link, EV_WRITE);
}

/* A statement's timeout starts when it is sent, or at the previous result if that is later. */
static void link_check_late(struct pg_link *link)
{
    if (link->expected_count == 0) {
        return;
    }
    int64_t since = pg_link_expected(link, 0)->sent_ms;
    if (since < link->answered_ms) {
        since = link->answered_ms;
    }
    int64_t left = since + link->owner->timeout_ms - clock_mono_ms();
    if (left > 0) {
        timer_set(link->timer, left);
    } else {
        link_lost(link, "a statement took too long");
    }
}

static void link_on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct pg_link *link = arg;
    const struct pg_link_owner *owner = link->owner;
    owner->enter(owner->arg);
    if (link->broken) {
        link_lost(link, PQerrorMessage(link->conn));
    } else if (link->state == PG_LINK_DOWN) {
        link_connect(link);
    } else if (link->state == PG_LINK_UP) {
        link_check_late(link);
    } else {
        link_lost(link, "connecting took too long");
    }
    owner->leave(owner->arg);
}

/* --- the end of a connection -------------------------------------------------------------------------------------- */

static void event_end(struct event **event)
{
    if (*event != NULL) {
        event_free(*event);
        *event = NULL;
    }
}

void pg_link_close(struct pg_link *link)
{
    event_end(&link->step);
    event_end(&link->read);
    event_end(&link->write);
    (void)event_del(link->timer);
    PQclear(link->result);
    link->result = NULL;
    if (link->conn != NULL) {
        PQfinish(link->conn);
        link->conn = NULL;
    }
    link->broken = false;
    link->state = PG_LINK_DOWN;
    link->owner->closed(link, link->owner->arg);
}

void pg_link_fail_all(struct pg_link *link)
{
    const struct pg_reply reply = {.outcome = PG_LOST, .message = "the connection was lost"};
    while (link->expected_count > 0) {
        struct pg_expected expected = expected_pop(link);
        link->owner->lost(&expected, &reply, link->owner->arg);
    }
}

/* The next host is asked soon. Only a round over all hosts without success lengthens the wait. */
static void link_again(struct pg_link *link)
{
    pg_hosts_failed(link->owner->hosts, link->host);
    link->failures++;
    if (link->failures % link->owner->hosts->count != 0) {
        timer_set(link->timer, BACKOFF_LEAST_MS);
        return;
    }
    timer_set(link->timer, link->backoff_ms);
    link->backoff_ms = link->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : link->backoff_ms * 2;
}

/* Only this function ends a connection that the owner did not close. Called only from the loop. */
static void link_lost(struct pg_link *link, const char *reason)
{
    const struct pg_link_owner *owner = link->owner;
    bool was_up = link->state == PG_LINK_UP;
    int length = (int)strcspn(reason, "\n");
    log_warn("pg: connection %s: %.*s", was_up ? "lost" : "not made", length > REASON_SIZE ? REASON_SIZE : length,
             reason);
    pg_link_close(link);
    link_again(link);
    pg_link_fail_all(link);
    if (was_up) {
        owner->on_change(false, owner->arg);
    }
}

void pg_link_renew(struct pg_link *link, const char *reason)
{
    if (link->state == PG_LINK_PREPARING || link->state == PG_LINK_UP) {
        link_lost(link, reason);
    }
}

bool pg_link_init(struct pg_link *link, const struct pg_link_owner *owner)
{
    link->owner = owner;
    link->state = PG_LINK_DOWN;
    link->backoff_ms = BACKOFF_LEAST_MS;
    link->timer = evtimer_new(owner->base, link_on_timer, link);
    if (link->timer == NULL) {
        return false;
    }
    timer_set(link->timer, 0);
    return true;
}

void pg_link_free(struct pg_link *link)
{
    assert(link->conn == NULL && link->expected_count == 0);
    event_end(&link->timer);
    free(link->expected);
    link->expected = NULL;
}
