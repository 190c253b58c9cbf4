/*
 * See inapp.h. A batch is processed in slices (common/base/bisect.h) of about SLICE_EVENTS_MAX events. Each attempt
 * parses the messages of its slice again, so that no parsed data is kept.
 *
 *     slice_start -> one transaction -> slice_next -> … -> done
 *                        |-> temporary error: the same slice later
 *                        '-> refused: half of it, down to one message, which is marked dead
 */
#include "notifyworker/inapp.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/bisect.h"
#include "common/base/log.h"
#include "common/io/timer.h"

enum { SLICE_EVENTS_MAX = 8192 }; /* a slice with this many events takes no further message */

struct inapp {
    struct pg *pg;
    struct event *retry_timer;
    bool draining;
    const struct inapp_writer *calls;
    void *writer;
    struct pg_tx *tx; /* transaction of the slice, or NULL */
    /* the batch */
    struct inapp_message *messages; /* NULL: none */
    inapp_done done;
    void *arg;
    struct bisect slice;
};

static void slice_start(struct inapp *inapp);

static void slice_next(struct inapp *inapp)
{
    if (bisect_next(&inapp->slice)) {
        slice_start(inapp);
        return;
    }
    inapp->messages = NULL;
    inapp->done(inapp->arg);
}

static void slice_retry(struct inapp *inapp, const char *reason)
{
    inapp->tx = NULL;
    if (inapp->draining) {
        return; /* unwritten messages are not acked and will be redelivered */
    }
    int pause_ms = bisect_pause(&inapp->slice);
    /* The pool logs once that PostgreSQL is down; do not repeat it at each retry. */
    log_line(pg_up(inapp->pg) ? LOG_WARN : LOG_DEBUG, NULL, "notifications are retried in %d ms: %s", pause_ms, reason);
    timer_set(inapp->retry_timer, pause_ms);
}

static void slice_refused(struct inapp *inapp, const struct pg_reply *reply)
{
    inapp->tx = NULL;
    log_warn("notifications of %zu messages were refused: %s %s", inapp->slice.span, reply->sqlstate, reply->message);
    if (bisect_split(&inapp->slice)) {
        slice_start(inapp);
        return;
    }
    log_error("the notifications of a message cannot be written; it becomes a dead letter");
    inapp->messages[inapp->slice.first].dead = "the database refuses its notifications";
    slice_next(inapp);
}

static void on_commit(const struct pg_reply *reply, void *arg)
{
    struct inapp *inapp = arg;
    if (reply->outcome == PG_OK) {
        inapp->tx = NULL;
        inapp->calls->committed(inapp->writer);
        slice_next(inapp);
    } else if (reply->outcome == PG_FAILED && pg_state_is_data_error(reply->sqlstate)) {
        slice_refused(inapp, reply);
    } else {
        slice_retry(inapp, reply->outcome == PG_LOST ? "the connection was lost" : reply->message);
    }
}

/* Collects the slice, and shortens it when it has enough events. */
static bool slice_read(struct inapp *inapp)
{
    struct bisect *slice = &inapp->slice;
    size_t i = slice->first;
    inapp->calls->reset(inapp->writer);
    for (; i < slice->first + slice->span && inapp->calls->count(inapp->writer) < SLICE_EVENTS_MAX; i++) {
        if (inapp->messages[i].dead == NULL && !inapp->calls->collect(inapp->writer, &inapp->messages[i])) {
            return false;
        }
    }
    slice->span = i - slice->first;
    return true;
}

static void slice_start(struct inapp *inapp)
{
    if (!slice_read(inapp)) {
        slice_retry(inapp, "no memory");
        return;
    }
    if (inapp->calls->count(inapp->writer) == 0) {
        slice_next(inapp);
        return;
    }
    inapp->tx = pg_tx_begin(inapp->pg);
    if (inapp->tx == NULL) {
        slice_retry(inapp, "PostgreSQL is down");
        return;
    }
    if (!inapp->calls->send(inapp->writer, inapp->tx) || !pg_tx_commit(inapp->tx, on_commit, inapp)) {
        pg_tx_abort(inapp->tx);
        slice_retry(inapp, "no memory, or PostgreSQL accepts no statement");
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    slice_start(arg);
}

struct inapp *inapp_new(struct event_base *base, struct pg *pg, const struct inapp_writer *calls, void *writer)
{
    struct inapp *inapp = calloc(1, sizeof(*inapp));
    if (inapp == NULL) {
        return NULL;
    }
    inapp->pg = pg;
    inapp->calls = calls;
    inapp->writer = writer;
    inapp->retry_timer = evtimer_new(base, on_retry, inapp);
    if (inapp->retry_timer == NULL) {
        inapp_free(inapp);
        return NULL;
    }
    return inapp;
}

void inapp_free(struct inapp *inapp)
{
    if (inapp == NULL) {
        return;
    }
    if (inapp->retry_timer != NULL) {
        event_free(inapp->retry_timer);
    }
    free(inapp);
}

void inapp_notify(struct inapp *inapp, struct inapp_message *messages, size_t count, inapp_done done, void *arg)
{
    assert(inapp->messages == NULL);
    inapp->messages = messages;
    inapp->done = done;
    inapp->arg = arg;
    bisect_begin(&inapp->slice, count);
    slice_start(inapp);
}

void inapp_drain(struct inapp *inapp)
{
    inapp->draining = true;
    (void)evtimer_del(inapp->retry_timer);
}

bool inapp_busy(const struct inapp *inapp)
{
    return inapp->tx != NULL;
}
