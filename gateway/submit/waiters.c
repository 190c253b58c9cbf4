/*
 * See waiters.h. A hash table by the last bytes of the bid's id, which are random or from a hash. Several waiters may
 * have the same bid.
 */
#include "gateway/submit/waiters.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    BUCKETS = 256,
    SWEEP_MS = 50,  /* delay at most of a timeout */
    LOOK_MS = 1000, /* between two queries of the ledger for one waiter */
};

TAILQ_HEAD(waiter_list, waiter);

struct waiters {
    struct pg *pg;
    const struct submit_family *family;
    struct event *sweep;
    struct waiter_list buckets[BUCKETS];
    size_t count;
};

static struct waiter_list *bucket_of(struct waiters *waiters, const struct uuid *id)
{
    return &waiters->buckets[id->bytes[15] % BUCKETS];
}

void waiters_add(struct waiters *waiters, struct waiter *waiter)
{
    waiter->look_ms = clock_mono_ms() + LOOK_MS;
    waiter->entered = true;
    TAILQ_INSERT_TAIL(bucket_of(waiters, &waiter->ids.id), waiter, list);
    waiters->count++;
}

void waiters_remove(struct waiters *waiters, struct waiter *waiter)
{
    if (waiter->entered) {
        waiter->entered = false;
        TAILQ_REMOVE(bucket_of(waiters, &waiter->ids.id), waiter, list);
        waiters->count--;
    }
}

static void notify_waiters(struct waiters *waiters, const union submit_decision *decision)
{
    const struct submit_ids ids = waiters->family->ids_of_decision(decision);
    struct waiter_list *list = bucket_of(waiters, &ids.id);
    struct waiter *next = NULL;
    for (struct waiter *waiter = TAILQ_FIRST(list); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, list);
        if (uuid_equal(&waiter->ids.id, &ids.id) && uuid_equal(&waiter->ids.subject, &ids.subject)) {
            waiters_remove(waiters, waiter);
            waiter->done(waiter, decision);
        }
    }
}

bool waiters_message(struct waiters *waiters, const char *bytes, size_t length)
{
    union submit_decision decision;
    bool read = waiters->family->read_message(bytes, length, &decision);
    if (read) {
        notify_waiters(waiters, &decision);
    }
    return read;
}

static void ledger_answered(const struct pg_reply *reply, void *arg)
{
    struct waiters *waiters = arg;
    union submit_decision decision;
    if (reply->outcome == PG_OK && waiters->family->read_row(reply->result, &decision)) {
        notify_waiters(waiters, &decision);
    }
}

static void look(struct waiters *waiters, struct waiter *waiter, int64_t now)
{
    waiter->look_ms = now + LOOK_MS;
    if (!waiters->family->find(waiters->pg, &waiter->ids, ledger_answered, waiters)) {
        log_debug("ledger query for waiting requests failed");
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct waiters *waiters = arg;
    int64_t now = clock_mono_ms();
    (void)fd;
    (void)what;
    for (size_t i = 0; i < BUCKETS && waiters->count > 0; i++) {
        struct waiter *next = NULL;
        for (struct waiter *waiter = TAILQ_FIRST(&waiters->buckets[i]); waiter != NULL; waiter = next) {
            next = TAILQ_NEXT(waiter, list);
            if (waiter->until_ms <= now) {
                waiters_remove(waiters, waiter);
                waiter->done(waiter, NULL);
            } else if (waiter->look_ms <= now) {
                look(waiters, waiter, now);
            }
        }
    }
}

struct waiters *waiters_new(struct event_base *base, struct pg *pg, const struct submit_family *family)
{
    const struct timeval every = {0, SWEEP_MS * 1000L};
    struct waiters *waiters = calloc(1, sizeof(*waiters));
    if (waiters == NULL) {
        return NULL;
    }
    waiters->pg = pg;
    waiters->family = family;
    for (size_t i = 0; i < BUCKETS; i++) {
        TAILQ_INIT(&waiters->buckets[i]);
    }
    waiters->sweep = event_new(base, -1, EV_PERSIST, do_sweep, waiters);
    if (waiters->sweep == NULL || event_add(waiters->sweep, &every) != 0) {
        waiters_free(waiters);
        return NULL;
    }
    return waiters;
}

void waiters_free(struct waiters *waiters)
{
    if (waiters != NULL) {
        if (waiters->sweep != NULL) {
            event_free(waiters->sweep);
        }
        free(waiters);
    }
}
