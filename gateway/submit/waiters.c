/*
 * See waiters.h. A hash table by the last byte of the command's id, which is random or from a hash. Several waiters may
 * have the same command. For the queries of the ledger each waiter is also in the list of its level of back-off. All of
 * a level wait equally long, so the list is in the order of time.
 */
#include "gateway/submit/waiters.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    BUCKETS = 256,
    SWEEP_MS = 50,  /* delay at most of a timeout */
    LOOK_MS = 1000, /* from one query of the ledger to the next, and to a waiter's first one; doubled by each level */
};

TAILQ_HEAD(waiter_list, waiter);

struct waiters {
    struct pg *pg;
    const struct submit_family *family;
    struct event *sweep;
    struct waiter_list buckets[BUCKETS];
    struct waiter_list levels[WAITERS_LOOK_LEVELS];
    size_t count;
    bool looking; /* a query has no answer yet */
    int64_t next_look_ms;
};

static struct waiter_list *bucket_of(struct waiters *waiters, const struct uuid *id)
{
    return &waiters->buckets[id->bytes[15] % BUCKETS];
}

static void enter_level(struct waiters *waiters, struct waiter *waiter, unsigned level, int64_t now)
{
    waiter->level = level;
    waiter->look_ms = now + ((int64_t)LOOK_MS << level);
    TAILQ_INSERT_TAIL(&waiters->levels[level], waiter, due);
}

void waiters_add(struct waiters *waiters, struct waiter *waiter)
{
    waiter->entered = true;
    TAILQ_INSERT_TAIL(bucket_of(waiters, &waiter->ids.id), waiter, list);
    enter_level(waiters, waiter, 0, clock_mono_ms());
    waiters->count++;
}

void waiters_remove(struct waiters *waiters, struct waiter *waiter)
{
    if (waiter->entered) {
        waiter->entered = false;
        TAILQ_REMOVE(bucket_of(waiters, &waiter->ids.id), waiter, list);
        TAILQ_REMOVE(&waiters->levels[waiter->level], waiter, due);
        waiters->count--;
    }
}

static struct waiter *find_waiter(struct waiters *waiters, const struct submit_ids *ids)
{
    struct waiter *waiter = NULL;
    TAILQ_FOREACH(waiter, bucket_of(waiters, &ids->id), list)
    {
        if (uuid_equal(&waiter->ids.id, &ids->id) && uuid_equal(&waiter->ids.subject, &ids->subject)) {
            return waiter;
        }
    }
    return NULL;
}

/* Each is looked for anew: `done` may remove others. */
static void notify_waiters(struct waiters *waiters, const union submit_decision *decision)
{
    const struct submit_ids ids = waiters->family->ids_of_decision(decision);
    for (struct waiter *waiter = NULL; (waiter = find_waiter(waiters, &ids)) != NULL;) {
        waiters_remove(waiters, waiter);
        waiter->done(waiter, decision);
    }
}

/* --- the ledger --- */

static void read_rows(const struct pg_reply *reply, void *arg)
{
    struct waiters *waiters = arg;
    union submit_decision decision;
    for (int row = 0; reply->outcome == PG_OK && row < PQntuples(reply->result); row++) {
        if (waiters->family->read_row(reply->result, row, &decision)) {
            notify_waiters(waiters, &decision);
        }
    }
}

static void ledger_answered(const struct pg_reply *reply, void *arg)
{
    struct waiters *waiters = arg;
    waiters->looking = false;
    read_rows(reply, waiters);
}

/* The ledger has what the message lacks. If it does not answer, the waiters are looked for when they are due. */
static void complete(struct waiters *waiters, const union submit_decision *decision)
{
    const struct submit_ids ids = waiters->family->ids_of_decision(decision);
    if (find_waiter(waiters, &ids) != NULL && !waiters->family->find(waiters->pg, &ids, 1, read_rows, waiters)) {
        log_debug("ledger query for a waiting request failed");
    }
}

bool waiters_message(struct waiters *waiters, const char *bytes, size_t length)
{
    union submit_decision decision;
    const struct submit_family *family = waiters->family;
    if (!family->read_message(bytes, length, &decision)) {
        return false;
    }
    if (family->complete == NULL || family->complete(&decision)) {
        notify_waiters(waiters, &decision);
    } else {
        complete(waiters, &decision);
    }
    return true;
}

/* The waiter that has been due for the longest time; NULL: none is due. */
static struct waiter *first_due(struct waiters *waiters, int64_t now)
{
    struct waiter *first = NULL;
    for (size_t i = 0; i < WAITERS_LOOK_LEVELS; i++) {
        struct waiter *waiter = TAILQ_FIRST(&waiters->levels[i]);
        if (waiter != NULL && waiter->look_ms <= now && (first == NULL || waiter->look_ms < first->look_ms)) {
            first = waiter;
        }
    }
    return first;
}

static void look(struct waiters *waiters, int64_t now)
{
    struct submit_ids ids[WAITERS_LOOK_MAX];
    size_t count = 0;
    struct waiter *waiter = NULL;
    while (count < WAITERS_LOOK_MAX && (waiter = first_due(waiters, now)) != NULL) {
        unsigned next = waiter->level + 1;
        ids[count++] = waiter->ids;
        TAILQ_REMOVE(&waiters->levels[waiter->level], waiter, due);
        enter_level(waiters, waiter, next < WAITERS_LOOK_LEVELS ? next : waiter->level, now);
    }
    if (count == 0) {
        return;
    }
    waiters->next_look_ms = now + LOOK_MS;
    waiters->looking = waiters->family->find(waiters->pg, ids, count, ledger_answered, waiters);
    if (!waiters->looking) {
        log_debug("ledger query for waiting requests failed");
    }
}

/* --- timeouts --- */

static struct waiter *find_late(struct waiter_list *list, int64_t now)
{
    struct waiter *waiter = NULL;
    TAILQ_FOREACH(waiter, list, list)
    {
        if (waiter->until_ms <= now) {
            return waiter;
        }
    }
    return NULL;
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct waiters *waiters = arg;
    int64_t now = clock_mono_ms();
    (void)fd;
    (void)what;
    for (size_t i = 0; i < BUCKETS && waiters->count > 0; i++) {
        for (struct waiter *waiter = NULL; (waiter = find_late(&waiters->buckets[i], now)) != NULL;) {
            waiters_remove(waiters, waiter);
            waiter->done(waiter, NULL);
        }
    }
    if (!waiters->looking && now >= waiters->next_look_ms) {
        look(waiters, now);
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
    for (size_t i = 0; i < WAITERS_LOOK_LEVELS; i++) {
        TAILQ_INIT(&waiters->levels[i]);
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
