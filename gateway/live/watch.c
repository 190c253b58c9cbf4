/*
 * See watch.h. A watch is created with its first watcher. It is freed after its last one, once no query for it is
 * running. Its states:
 *
 *   subscribing  until Redis confirms the subscription (skipped while Redis is unavailable)
 *   reloading    in the list `reloads`, or in the running query: its result has everything committed before the query
 *   known        each update has the next version; after a gap the watch is reloaded
 */
#include "gateway/live/watch.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/io/timer.h"
#include "common/protocol/keys.h"
#include "common/service/config.h"
#include "gateway/core/deployment.h"
#include "gateway/live/cpu_budget.h"
#include "gateway/live/live_metrics.h"

enum { COLUMN_ID, COLUMN_VERSION }; /* of both statements */

enum {
    BUCKETS = 1024,
    RELOAD_MAX = 100,          /* states per query; one query runs at a time */
    CHECK_MAX = 2000,          /* versions compared per query; the others follow in the next */
    NOTIFY_EACH = 128,         /* watchers notified in one pass of the loop */
    FAN_OUT_BURST_US = 100000, /* CPU burst of the fan-out: two bids to 10,000 watchers of two workers */
    FAN_OUT_REST_US = 10000,
    FAN_OUT_PART = 10, /* steady share 1/10, so that bids do not wait for watchers */
    QUEUE_MAX = 8,     /* messages of a watch in fan-out; beyond that only the present state is sent */
    SNAPSHOT_MS = 20,  /* maximum age of serverTime in a shared snapshot */
    RETRY_MS = 500,    /* after a failed query */
};

struct queued {
    struct text *text; /* NULL: the present state when it is sent */
    STAILQ_ENTRY(queued) list;
};

TAILQ_HEAD(watch_list, watch);

struct watch {
    struct watches *watches;
    struct uuid id;
    void *state;         /* of the kind; owned */
    int64_t seq;         /* version of the state; 0: not known yet */
    int64_t newest_seen; /* newest version seen in any message */
    int64_t suspect;     /* newer version that the last comparison found in PostgreSQL; 0: none */
    bool reload_due;     /* in the list `reloads` */
    bool reloading;      /* in the running query */
    bool unsent;         /* a message could not be queued: the result of the reload is sent, too */
    bool renewed;        /* rows were restored: the result of the reload replaces even a newer version */
    bool notifying;      /* in the list `notifying` */
    bool iterating;      /* its watchers are being iterated: it must not be freed */
    size_t subscribing;  /* subscriptions not confirmed yet */
    TAILQ_HEAD(, watcher) watchers;
    struct watcher *cursor; /* the next watcher for the first message of `queue` */
    STAILQ_HEAD(, queued) queue;
    size_t queued;
    struct text *snapshot; /* NULL: not encoded yet */
    int64_t snapshot_ms;
    TAILQ_ENTRY(watch) bucket;
    TAILQ_ENTRY(watch) all; /* oldest comparison first */
    TAILQ_ENTRY(watch) reloads;
    TAILQ_ENTRY(watch) notifying_entry;
    TAILQ_ENTRY(watch) reloading_entry;
};

struct watches {
    const struct watch_kind *kind;
    struct watches_options options;
    struct jsonw *json;
    struct event *reload;         /* activated, or after RETRY_MS */
    struct event *notify;         /* with a timeout of 0, so that other events run in between */
    struct event *check;          /* every live_check_ms */
    struct cpu_budget cpu_budget; /* of the fan-out */
    bool resting;                 /* the fan-out has used up its CPU budget */
    struct pg_array ids;
    bool reload_running; /* a query is running */
    bool check_running;
    bool listening;
    size_t count; /* number of watchers */
    struct watch_list all;
    struct watch_list reloads;
    struct watch_list reloading;
    struct watch_list notifying;
    struct watch_list buckets[BUCKETS];
};

/* ---- the table ---- */

static struct watch_list *bucket_of(struct watches *watches, const struct uuid *id)
{
    return &watches->buckets[((size_t)id->bytes[15] | (size_t)id->bytes[14] << 8U) % BUCKETS];
}

static struct watch *find(struct watches *watches, const struct uuid *id)
{
    struct watch *watch = NULL;
    TAILQ_FOREACH(watch, bucket_of(watches, id), bucket)
    {
        if (uuid_equal(&watch->id, id)) {
            return watch;
        }
    }
    return NULL;
}

/* Schedules a read from PostgreSQL. Watchers that have the version of the result receive nothing. */
static void reload(struct watch *watch)
{
    struct watches *watches = watch->watches;
    if (!watch->reload_due) {
        watch->reload_due = true;
        TAILQ_INSERT_TAIL(&watches->reloads, watch, reloads);
    }
    timer_ensure(watches->reload, 0);
}

static void set_reloading(struct watch *watch, bool reloading)
{
    watch->reloading = reloading;
    if (reloading) {
        TAILQ_INSERT_TAIL(&watch->watches->reloading, watch, reloading_entry);
    } else {
        TAILQ_REMOVE(&watch->watches->reloading, watch, reloading_entry);
    }
}

static void pop_queued(struct watch *watch)
{
    struct queued *queued = STAILQ_FIRST(&watch->queue);
    STAILQ_REMOVE_HEAD(&watch->queue, list);
    watch->queued--;
    text_unref(queued->text);
    free(queued);
}

static void stop_notifying(struct watch *watch)
{
    while (watch->queued > 0) {
        pop_queued(watch);
    }
    if (watch->notifying) {
        watch->notifying = false;
        TAILQ_REMOVE(&watch->watches->notifying, watch, notifying_entry);
    }
}

static void watch_free(struct watch *watch)
{
    struct watches *watches = watch->watches;
    stop_notifying(watch);
    if (watch->reload_due) {
        TAILQ_REMOVE(&watches->reloads, watch, reloads);
    }
    TAILQ_REMOVE(&watches->all, watch, all);
    TAILQ_REMOVE(bucket_of(watches, &watch->id), watch, bucket);
    text_unref(watch->snapshot);
    watches->kind->release(watch->state);
    free(watch->state);
    free(watch);
}

/* Frees the watch if it has no watchers and no query refers to it. */
static void watch_end_unless_needed(struct watch *watch)
{
    char channel[KEYS_SIZE];
    if (!TAILQ_EMPTY(&watch->watchers) || watch->subscribing > 0 || watch->reloading || watch->iterating) {
        return;
    }
    keys_live_channel(&watch->id, channel);
    if (watch->watches->listening && !redis_unsubscribe(watch->watches->options.listener, channel)) {
        log_debug("channel not unsubscribed: Redis is unavailable");
    }
    watch_free(watch);
}

/* ---- Redis ---- */

static void on_subscribed(const redisReply *reply, void *arg)
{
    struct watch *watch = arg;
    (void)reply;
    watch->subscribing--;
    if (TAILQ_EMPTY(&watch->watchers)) {
        watch_end_unless_needed(watch);
    } else if (watch->subscribing == 0) {
        reload(watch); /* what was published before it may be lost */
    }
}

/* While Redis is unavailable the comparisons keep the state up to date. */
static void subscribe(struct watch *watch)
{
    char channel[KEYS_SIZE];
    keys_live_channel(&watch->id, channel);
    if (watch->watches->listening && redis_subscribe(watch->watches->options.listener, channel, on_subscribed, watch)) {
        watch->subscribing++;
    } else {
        reload(watch);
    }
}

void watches_set_connected(struct watches *watches, bool up)
{
    struct watch *watch = NULL;
    watches->listening = up;
    if (!up) {
        return;
    }
    TAILQ_FOREACH(watch, &watches->all, all)
    {
        live_metrics_add_resubscribed();
        subscribe(watch);
    }
}

/* ---- fan-out ---- */

/* The text of an update, or of the present state if `update` is NULL. */
static struct text *make_text(struct watch *watch, const void *update)
{
    struct watches *watches = watch->watches;
    size_t length = 0;
    jsonw_reset(watches->json);
    if (update == NULL) {
        watches->kind->write(watches->json, &watches->options, watch->state);
    } else {
        watches->kind->write_update(watches->json, &watches->options, watch->state, update);
    }
    const char *json = jsonw_text(watches->json, &length);
    return json == NULL ? NULL : text_new(json, length, watch->seq);
}

static struct text *present(struct watch *watch)
{
    int64_t now = clock_mono_ms();
    if (watch->snapshot == NULL || watch->snapshot->seq != watch->seq || now - watch->snapshot_ms >= SNAPSHOT_MS) {
        text_unref(watch->snapshot);
        watch->snapshot = make_text(watch, NULL);
        watch->snapshot_ms = now;
    }
    return watch->snapshot == NULL ? NULL : text_ref(watch->snapshot);
}

struct text *watch_snapshot(struct watcher *watcher)
{
    struct text *text = present(watcher->watch);
    watcher->seq = watcher->watch->seq;
    return text;
}

void *watch_state(const struct watcher *watcher)
{
    return watcher->watch->state;
}

bool watch_known(const struct watcher *watcher)
{
    return watcher->watch->seq > 0;
}

bool watch_renewing(const struct watcher *watcher)
{
    return watcher->watch->renewed;
}

/* Queues a message for all watchers; NULL: the state at that time. Takes over the reference. */
static void notify_watchers(struct watch *watch, struct text *text)
{
    struct queued *queued = calloc(1, sizeof(*queued));
    if (queued == NULL) {
        text_unref(text);
        watch->unsent = true; /* sent by the reload instead, to those who lack it */
        reload(watch);
        return;
    }
    if (watch->queued >= (watch->watches->resting ? 1 : QUEUE_MAX)) {
        /* The first message may be partly sent and stays. The others are outdated and replaced by the present state. */
        while (watch->queued > 1) {
            struct queued *second = STAILQ_NEXT(STAILQ_FIRST(&watch->queue), list);
            STAILQ_REMOVE(&watch->queue, second, queued, list);
            watch->queued--;
            text_unref(second->text);
            free(second);
        }
        text_unref(text);
        text = NULL;
        live_metrics_add_merged();
    }
    queued->text = text;
    STAILQ_INSERT_TAIL(&watch->queue, queued, list);
    if (watch->queued++ == 0) {
        watch->cursor = TAILQ_FIRST(&watch->watchers);
    }
    if (!watch->notifying) {
        watch->notifying = true;
        TAILQ_INSERT_TAIL(&watch->watches->notifying, watch, notifying_entry);
    }
    timer_ensure(watch->watches->notify, 0);
}

/* Sends the first message of the queue to at most `most` watchers. Returns their number. */
static size_t notify_some(struct watch *watch, size_t most)
{
    struct queued *queued = STAILQ_FIRST(&watch->queue);
    size_t notified = 0;
    if (queued->text == NULL) {
        queued->text = present(watch);
    }
    struct text *text = queued->text;
    watch->iterating = true;
    while (watch->cursor != NULL && notified < most && text != NULL) {
        struct watcher *watcher = watch->cursor;
        watch->cursor = TAILQ_NEXT(watcher, list);
        if (watcher->seq < text->seq || text->unconditional) {
            watcher->seq = text->seq > watcher->seq ? text->seq : watcher->seq;
            watcher->update(watcher, text);
            notified++;
        }
    }
    watch->iterating = false;
    if (watch->cursor == NULL || text == NULL) {
        pop_queued(watch);
        watch->cursor = TAILQ_FIRST(&watch->watchers);
    }
    return notified;
}

static void on_notify(evutil_socket_t fd, short what, void *arg)
{
    struct watches *watches = arg;
    struct watch *watch = NULL;
    size_t notified = 0;
    (void)fd;
    (void)what;
    int wait_ms = cpu_budget_wait_ms(&watches->cpu_budget);
    watches->resting = wait_ms > 0;
    if (watches->resting) {
        timer_ensure(watches->notify, wait_ms);
        return;
    }
    cpu_budget_begin(&watches->cpu_budget);
    while (notified < NOTIFY_EACH && (watch = TAILQ_FIRST(&watches->notifying)) != NULL) {
        notified += notify_some(watch, NOTIFY_EACH - notified);
        TAILQ_REMOVE(&watches->notifying, watch, notifying_entry);
        watch->notifying = watch->queued > 0;
        if (watch->notifying) {
            TAILQ_INSERT_TAIL(&watches->notifying, watch, notifying_entry); /* others first */
        }
        watch_end_unless_needed(watch);
    }
    cpu_budget_end(&watches->cpu_budget, !TAILQ_EMPTY(&watches->notifying));
    if (!TAILQ_EMPTY(&watches->notifying)) {
        timer_ensure(watches->notify, 0);
    }
}

/* ---- updates ---- */

bool watches_has(struct watches *watches, const struct uuid *id)
{
    return find(watches, id) != NULL;
}

void *watches_state(struct watches *watches, const struct uuid *id)
{
    struct watch *watch = find(watches, id);
    return watch == NULL || watch->seq == 0 ? NULL : watch->state;
}

void watches_update(struct watches *watches, const struct uuid *id, int64_t version, const void *update)
{
    struct watch *watch = find(watches, id);
    if (watch == NULL || version <= watch->seq) {
        return;
    }
    if (watch->seq > 0 && version == watch->seq + 1 && update != NULL) {
        watch->seq = version;
        watches->kind->apply(watch->state, update);
        notify_watchers(watch, make_text(watch, update));
        return;
    }
    watch->newest_seen = version > watch->newest_seen ? version : watch->newest_seen;
    if (watch->seq > 0) {
        reload(watch);
    }
}

void watches_send(struct watches *watches, const struct uuid *id, const void *update)
{
    struct watch *watch = find(watches, id);
    struct text *text = watch == NULL || watch->seq == 0 ? NULL : make_text(watch, update);
    if (text != NULL) {
        text->unconditional = true;
        notify_watchers(watch, text);
    }
}

void watches_reload(struct watches *watches, const struct uuid *id)
{
    struct watch *watch = find(watches, id);
    if (watch != NULL) {
        log_warn("live update dropped: undecodable message");
        reload(watch);
    }
}

/* ---- reloading ---- */

static void refuse_all(struct watch *watch, enum error_code reason)
{
    struct watcher *watcher = NULL;
    stop_notifying(watch);
    watch->cursor = NULL;
    while ((watcher = TAILQ_FIRST(&watch->watchers)) != NULL) {
        TAILQ_REMOVE(&watch->watchers, watcher, list);
        watch->watches->count--;
        watcher->watch = NULL;
        watcher->refused(watcher, reason);
    }
}

/* The next message reaches all watchers, whatever they have seen. */
static void forget_seen(struct watch *watch)
{
    struct watcher *watcher = NULL;
    stop_notifying(watch);
    TAILQ_FOREACH(watcher, &watch->watchers, list)
    {
        watcher->seq = 0;
    }
}

static void on_row(struct watch *watch, const PGresult *result, int row)
{
    int64_t version = pg_int(result, row, COLUMN_VERSION);
    const struct watch_kind *kind = watch->watches->kind;
    bool renewed = watch->renewed;
    bool changed = watch->unsent || version > watch->seq;
    watch->unsent = false;
    watch->renewed = renewed && watch->reload_due; /* this query may have begun before the rows were restored */
    if (renewed) {
        forget_seen(watch);
    }
    if (renewed || (changed && version >= watch->seq)) {
        if (kind->read_row(watch->state, &watch->id, result, row)) {
            watch->seq = version;
            const void *update = kind->row_update == NULL ? NULL : kind->row_update(watch->state);
            notify_watchers(watch, update != NULL ? make_text(watch, update) : present(watch));
        } else {
            log_error("a watched %s has an invalid row", kind->noun);
            refuse_all(watch, ERROR_INTERNAL_ERROR);
            return;
        }
    }
    if (version < watch->newest_seen) {
        reload(watch); /* committed after the query */
    }
}

static void on_reloaded(const struct pg_reply *reply, void *arg)
{
    struct watches *watches = arg;
    struct watch *watch = NULL;
    bool ok = reply->outcome == PG_OK;
    watches->reload_running = false;
    for (int row = 0; ok && row < PQntuples(reply->result); row++) {
        struct uuid id = pg_uuid(reply->result, row, COLUMN_ID);
        watch = find(watches, &id);
        if (watch != NULL && watch->reloading) {
            set_reloading(watch, false);
            on_row(watch, reply->result, row);
            watch_end_unless_needed(watch);
        }
    }
    struct watch *next = NULL;
    for (watch = TAILQ_FIRST(&watches->reloading); watch != NULL; watch = next) { /* those without a row */
        next = TAILQ_NEXT(watch, reloading_entry);
        set_reloading(watch, false);
        if (ok || watch->seq == 0) {
            refuse_all(watch, ok ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE);
        } else {
            reload(watch);
        }
        watch_end_unless_needed(watch);
    }
    if (!TAILQ_EMPTY(&watches->reloads)) {
        timer_ensure(watches->reload, ok ? 0 : RETRY_MS);
    }
}

static void do_reload(evutil_socket_t fd, short what, void *arg)
{
    struct watches *watches = arg;
    struct watch *watch = NULL;
    size_t count = 0;
    (void)fd;
    (void)what;
    if (watches->reload_running || TAILQ_EMPTY(&watches->reloads)) {
        return;
    }
    pg_array_reset(&watches->ids);
    while (count < RELOAD_MAX && (watch = TAILQ_FIRST(&watches->reloads)) != NULL) {
        TAILQ_REMOVE(&watches->reloads, watch, reloads);
        watch->reload_due = false;
        set_reloading(watch, true);
        pg_array_uuid(&watches->ids, &watch->id);
        count++;
    }
    const char *const values[] = {pg_array_done(&watches->ids)};
    watches->reload_running = true;
    if (values[0] == NULL || !statements_query(watches->options.pg, watches->kind->statements, WATCH_LOOK,
                                               ARRAY_LEN(values), values, on_reloaded, watches)) {
        const struct pg_reply lost = {.outcome = PG_LOST};
        on_reloaded(&lost, watches);
    }
}

void watches_renew(struct watches *watches)
{
    struct watch *watch = NULL;
    TAILQ_FOREACH(watch, &watches->all, all)
    {
        watch->newest_seen = 0;
        watch->suspect = 0;
        watch->renewed = true;
        reload(watch);
    }
}

/* ---- comparing versions ---- */

static void compare(struct watch *watch, int64_t version)
{
    bool missed = version > watch->seq;
    if (missed && (!watch->watches->listening || watch->suspect > watch->seq)) {
        live_metrics_add_missed();
        reload(watch);
    }
    watch->suspect = missed ? version : 0;
}

static void on_checked(const struct pg_reply *reply, void *arg)
{
    struct watches *watches = arg;
    watches->check_running = false;
    for (int row = 0; reply->outcome == PG_OK && row < PQntuples(reply->result); row++) {
        struct uuid id = pg_uuid(reply->result, row, 0);
        struct watch *watch = find(watches, &id);
        if (watch != NULL && watch->seq > 0) {
            compare(watch, pg_int(reply->result, row, 1));
        }
    }
}

static void do_check(evutil_socket_t fd, short what, void *arg)
{
    struct watches *watches = arg;
    size_t count = 0;
    (void)fd;
    (void)what;
    if (watches->check_running || TAILQ_EMPTY(&watches->all) || !pg_up(watches->options.pg)) {
        return;
    }
    struct watch *last = TAILQ_LAST(&watches->all, watch_list);
    struct watch *watch = NULL;
    pg_array_reset(&watches->ids);
    while (count < CHECK_MAX && watch != last) {
        watch = TAILQ_FIRST(&watches->all);
        TAILQ_REMOVE(&watches->all, watch, all);
        TAILQ_INSERT_TAIL(&watches->all, watch, all);
        pg_array_uuid(&watches->ids, &watch->id);
        count++;
    }
    const char *const values[] = {pg_array_done(&watches->ids)};
    watches->check_running =
        values[0] != NULL && statements_query(watches->options.pg, watches->kind->statements, WATCH_CHECK,
                                              ARRAY_LEN(values), values, on_checked, watches);
}

/* ---- watchers ---- */

static struct watch *watch_make(struct watches *watches, const struct uuid *id)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return NULL;
    }
    *watch = (struct watch){.watches = watches, .id = *id, .state = calloc(1, watches->kind->state_size)};
    if (watch->state == NULL) {
        free(watch);
        return NULL;
    }
    TAILQ_INIT(&watch->watchers);
    STAILQ_INIT(&watch->queue);
    TAILQ_INSERT_TAIL(bucket_of(watches, id), watch, bucket);
    TAILQ_INSERT_TAIL(&watches->all, watch, all);
    subscribe(watch);
    return watch;
}

bool watch_add(struct watches *watches, struct watcher *watcher, const struct uuid *id)
{
    struct watch *watch = find(watches, id);
    if (watch == NULL) {
        watch = watch_make(watches, id);
    }
    if (watch == NULL) {
        return false;
    }
    watcher->watch = watch;
    watcher->seq = 0;
    watches->count++;
    TAILQ_INSERT_HEAD(&watch->watchers, watcher, list); /* before the cursor, because it receives the state directly */
    if (watch->seq > 0) {
        struct text *text = watch_snapshot(watcher);
        if (text != NULL) {
            watcher->update(watcher, text);
        }
        text_unref(text);
    }
    return true;
}

void watch_remove(struct watcher *watcher)
{
    struct watch *watch = watcher->watch;
    if (watch == NULL) {
        return;
    }
    if (watch->cursor == watcher) {
        watch->cursor = TAILQ_NEXT(watcher, list);
    }
    TAILQ_REMOVE(&watch->watchers, watcher, list);
    watch->watches->count--;
    watcher->watch = NULL;
    watch_end_unless_needed(watch);
}

size_t watches_count(const struct watches *watches)
{
    return watches->count;
}

/* ---- start and stop ---- */

struct watches *watches_new(const struct watches_options *options, const struct watch_kind *kind)
{
    int ms = options->config->live_check_ms;
    const struct timeval every = {ms / 1000, (ms % 1000) * 1000L};
    struct watches *watches = calloc(1, sizeof(*watches));
    if (watches == NULL) {
        return NULL;
    }
    watches->kind = kind;
    watches->options = *options;
    watches->cpu_budget =
        (struct cpu_budget){.burst_us = FAN_OUT_BURST_US, .rest_us = FAN_OUT_REST_US, .part = FAN_OUT_PART};
    TAILQ_INIT(&watches->all);
    TAILQ_INIT(&watches->reloads);
    TAILQ_INIT(&watches->reloading);
    TAILQ_INIT(&watches->notifying);
    for (size_t i = 0; i < BUCKETS; i++) {
        TAILQ_INIT(&watches->buckets[i]);
    }
    watches->json = jsonw_new();
    watches->reload = event_new(options->base, -1, 0, do_reload, watches);
    watches->notify = event_new(options->base, -1, 0, on_notify, watches);
    watches->check = event_new(options->base, -1, EV_PERSIST, do_check, watches);
    if (watches->json == NULL || watches->reload == NULL || watches->notify == NULL || watches->check == NULL ||
        event_add(watches->check, &every) != 0) {
        watches_free(watches);
        return NULL;
    }
    return watches;
}

void watches_free(struct watches *watches)
{
    if (watches == NULL) {
        return;
    }
    while (!TAILQ_EMPTY(&watches->all)) {
        assert(TAILQ_EMPTY(&TAILQ_FIRST(&watches->all)->watchers));
        watch_free(TAILQ_FIRST(&watches->all));
    }
    struct event *events[] = {watches->reload, watches->notify, watches->check};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    pg_array_free(&watches->ids);
    jsonw_free(watches->json);
    free(watches);
}
