/*
 * See watch.h. A watch is made by its first watcher and goes with its last, as soon as no question about it is under
 * way. Its life:
 *
 *   subscribing   until Redis has confirmed that this worker hears of the auction (skipped while Redis is away)
 *   looking       in the list `looks`, or asked about: then everything committed before the question is in the answer
 *   known         every further version comes by itself, each exactly one above the last; else it is looked at again
 */
#include "gateway/live/watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/snapshot.h"
#include "common/service/config.h"
#include "gateway/core/deployment.h"
#include "gateway/live/cpu_budget.h"
#include "gateway/live/live_message.h"
#include "gateway/live/live_metrics.h"
#include "gateway/query/columns.h"

enum {
    BUCKETS = 1024,
    LOOK_MAX = 100,    /* auctions in one question to PostgreSQL; one question is under way at a time */
    CHECK_MAX = 2000,  /* versions compared in one question; the others' turn is the next */
    NOTIFY_EACH = 128, /* watchers told in one pass of the loop */
    TELL_US = 100000,  /* of a processor that telling may take at once: two bids to 10,000 watchers of two workers; */
    TELL_REST_US = 10000,
    TELL_PART = 10,   /* then one part of so many, or bids would wait for those who only look on */
    QUEUE_MAX = 8,    /* messages of one auction that are not told to all yet; beyond that only the present state */
    SNAPSHOT_MS = 20, /* how old serverTime of a shared snapshot may be */
    RETRY_MS = 500,   /* after a question that was not answered */
};

enum { WATCH_LOOK, WATCH_CHECK, WATCH_COUNT };

static const struct pg_statement list[] = {
    /* clang-format off */
    [WATCH_LOOK] = {"watch_look",
        "SELECT a.id, a.version, a.status, " COLUMNS_MS("a.start_time") ", " COLUMNS_MS("a.end_time")
        ", a.current_bid, a.minimum_bid, a.bid_count, a.reserve_price IS NULL OR a.current_bid >= a.reserve_price,"
        " a.title, a.currency, a.starting_price, (SELECT coalesce(json_agg(json_build_array(n.bid_id, n.bidder_id,"
        " (n.amount * 100)::bigint, " COLUMNS_MS("n.decided_at") ", n.automatic::integer) ORDER BY n.seq DESC), '[]')"
        " FROM (SELECT * FROM public_bids b WHERE b.auction_id = a.id AND b.in_history"
        "  ORDER BY b.seq DESC LIMIT 20) n)"
        " FROM auctions a WHERE a.id = ANY ($1::uuid[]) AND a.status <> 'draft'"},
    [WATCH_CHECK] = {"watch_check", "SELECT id, version FROM auctions WHERE id = ANY ($1::uuid[])"},
    /* clang-format on */
};
static_assert(ARRAY_LEN(list) == WATCH_COUNT, "each statement has its entry");

struct statements watch_statements = {list, ARRAY_LEN(list), 0};

enum {
    COLUMN_ID,
    COLUMN_VERSION,
    COLUMN_STATUS,
    COLUMN_START,
    COLUMN_END,
    COLUMN_CURRENT,
    COLUMN_MINIMUM,
    COLUMN_COUNT,
    COLUMN_RESERVE_MET,
    COLUMN_TITLE,
    COLUMN_CURRENCY,
    COLUMN_STARTING,
    COLUMN_BIDS
};

struct queued {
    struct text *text; /* NULL: the state as it is when its turn comes */
    STAILQ_ENTRY(queued) list;
};

TAILQ_HEAD(watch_list, watch);

struct watch {
    struct watches *watches;
    struct live_state state; /* seq 0: not known yet */
    int64_t heard;           /* the newest version that anybody spoke of */
    int64_t suspect;         /* a version that PostgreSQL has, and that had not come at the last comparison; 0: none */
    bool looking;            /* in the list `looks` */
    bool asked;              /* it is in the question under way */
    bool forced;             /* something may have been missed: its watchers are told what the look finds in any case */
    bool notifying;          /* in the list `telling` */
    bool held;               /* its watchers are being walked over */
    size_t subscribing;      /* questions to Redis under way */
    TAILQ_HEAD(, watcher) watchers;
    struct watcher *cursor; /* who is told next of the first of `queue` */
    STAILQ_HEAD(, queued) queue;
    size_t queued;
    struct text *snapshot; /* NULL: has to be made */
    int64_t snapshot_ms;
    TAILQ_ENTRY(watch) bucket;
    TAILQ_ENTRY(watch) all; /* the one compared longest ago first */
    TAILQ_ENTRY(watch) looks;
    TAILQ_ENTRY(watch) notifying_entry;
    TAILQ_ENTRY(watch) askings;
};

struct watches {
    struct watches_options options;
    struct jsonw *json;
    struct event *look;           /* activated, or after RETRY_MS */
    struct event *notify;         /* after no time at all: others have their turn in between */
    struct event *check;          /* every live_check_ms */
    struct cpu_budget cpu_budget; /* of telling */
    bool resting;                 /* telling has taken its part for now */
    struct pg_array ids;
    bool look_asked; /* a question is under way */
    bool check_asked;
    bool listening;
    size_t count; /* of watchers */
    struct watch_list all;
    struct watch_list looks;
    struct watch_list asked;
    struct watch_list notifying;
    struct watch_list buckets[BUCKETS];
};

/* ---- the table ---- */

static struct watch_list *bucket_of(struct watches *watches, const struct uuid *auction)
{
    return &watches->buckets[((size_t)auction->bytes[15] | (size_t)auction->bytes[14] << 8U) % BUCKETS];
}

static struct watch *find(struct watches *watches, const struct uuid *auction)
{
    struct watch *watch = NULL;
    TAILQ_FOREACH(watch, bucket_of(watches, auction), bucket)
    {
        if (uuid_equal(&watch->state.auction_id, auction)) {
            return watch;
        }
    }
    return NULL;
}

static void arm(struct event *timer, int ms)
{
    const struct timeval delay = {ms / 1000, (ms % 1000) * 1000L};
    if (!evtimer_pending(timer, NULL) && evtimer_add(timer, &delay) != 0) {
        log_error("watches: cannot arm a timer");
    }
}

/* A fresh look into PostgreSQL; `forced`: to be told even if nothing is new. */
static void look(struct watch *watch, bool forced)
{
    struct watches *watches = watch->watches;
    watch->forced |= forced;
    if (!watch->looking) {
        watch->looking = true;
        TAILQ_INSERT_TAIL(&watches->looks, watch, looks);
    }
    arm(watches->look, 0);
}

static void set_asked(struct watch *watch, bool asked)
{
    watch->asked = asked;
    if (asked) {
        TAILQ_INSERT_TAIL(&watch->watches->asked, watch, askings);
    } else {
        TAILQ_REMOVE(&watch->watches->asked, watch, askings);
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
    if (watch->looking) {
        TAILQ_REMOVE(&watches->looks, watch, looks);
    }
    TAILQ_REMOVE(&watches->all, watch, all);
    TAILQ_REMOVE(bucket_of(watches, &watch->state.auction_id), watch, bucket);
    text_unref(watch->snapshot);
    free(watch->state.title);
    free(watch);
}

/* Nobody watches it, and nothing is under way that knows it. */
static void watch_end_unless_needed(struct watch *watch)
{
    char channel[KEYS_SIZE];
    if (!TAILQ_EMPTY(&watch->watchers) || watch->subscribing > 0 || watch->asked || watch->held) {
        return;
    }
    keys_live_channel(&watch->state.auction_id, channel);
    if (watch->watches->listening && !redis_unsubscribe(watch->watches->options.listener, channel)) {
        log_debug("a channel was not left: Redis is not there");
    }
    watch_free(watch);
}

/* ---- Redis ---- */

static void on_subscribed(const redisReply *reply, void *arg)
{
    struct watch *watch = arg;
    watch->subscribing--;
    if (TAILQ_EMPTY(&watch->watchers)) {
        watch_end_unless_needed(watch);
    } else if (watch->subscribing == 0) {
        look(watch, reply != NULL && watch->state.seq > 0);
    }
}

/* While Redis is away the state is as good as the last comparison. */
static void subscribe(struct watch *watch)
{
    char channel[KEYS_SIZE];
    keys_live_channel(&watch->state.auction_id, channel);
    if (watch->watches->listening && redis_subscribe(watch->watches->options.listener, channel, on_subscribed, watch)) {
        watch->subscribing++;
    } else {
        look(watch, false);
    }
}

void watches_listening(struct watches *watches, bool up)
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

/* ---- telling ---- */

static struct text *make_text(struct watch *watch, const struct live_update *update)
{
    struct watches *watches = watch->watches;
    const uint8_t *key = watches->options.deployment->facts.pseudonym;
    size_t length = 0;
    jsonw_reset(watches->json);
    if (update == NULL) {
        live_message_snapshot(watches->json, &watch->state, key);
    } else {
        live_message_update(watches->json, &watch->state, update, key);
    }
    const char *json = jsonw_text(watches->json, &length);
    struct text *text = json == NULL ? NULL : text_new(json, length, watch->state.seq);
    if (text != NULL) {
        text->aside = update != NULL && update->kind == LIVE_ENDING_SOON;
    }
    return text;
}

static struct text *present(struct watch *watch)
{
    int64_t now = clock_mono_ms();
    if (watch->snapshot == NULL || watch->snapshot->seq != watch->state.seq ||
        now - watch->snapshot_ms >= SNAPSHOT_MS) {
        text_unref(watch->snapshot);
        watch->snapshot = make_text(watch, NULL);
        watch->snapshot_ms = now;
    }
    return watch->snapshot == NULL ? NULL : text_ref(watch->snapshot);
}

struct text *watch_snapshot(struct watcher *watcher)
{
    struct text *text = present(watcher->watch);
    watcher->seq = watcher->watch->state.seq;
    return text;
}

const struct uuid *watch_auction(const struct watcher *watcher)
{
    return &watcher->watch->state.auction_id;
}

/* All watchers shall have it; NULL: the state as it then is. Takes over the reference. */
static void tell(struct watch *watch, struct text *text)
{
    struct queued *queued = calloc(1, sizeof(*queued));
    if (queued == NULL) {
        text_unref(text);
        watch->forced = true; /* the next look tells it */
        return;
    }
    if (watch->queued >= (watch->watches->resting ? 1 : QUEUE_MAX)) {
        /* Whoever was told the first one half way gets the state like all others; the rest is old news. */
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
    arm(watch->watches->notify, 0);
}

/* The first of the queue to at most `most` watchers; how many. */
static size_t notify_some(struct watch *watch, size_t most)
{
    struct queued *queued = STAILQ_FIRST(&watch->queue);
    size_t notified = 0;
    if (queued->text == NULL) {
        queued->text = present(watch);
    }
    struct text *text = queued->text;
    watch->held = true;
    while (watch->cursor != NULL && notified < most && text != NULL) {
        struct watcher *watcher = watch->cursor;
        watch->cursor = TAILQ_NEXT(watcher, list);
        if (watcher->seq < text->seq || text->aside) {
            watcher->seq = text->seq > watcher->seq ? text->seq : watcher->seq;
            watcher->update(watcher, text);
            notified++;
        }
    }
    watch->held = false;
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
        arm(watches->notify, wait_ms);
        return;
    }
    cpu_budget_begin(&watches->cpu_budget);
    while (notified < NOTIFY_EACH && (watch = TAILQ_FIRST(&watches->notifying)) != NULL) {
        notified += notify_some(watch, NOTIFY_EACH - notified);
        TAILQ_REMOVE(&watches->notifying, watch, notifying_entry);
        watch->notifying = watch->queued > 0;
        if (watch->notifying) {
            TAILQ_INSERT_TAIL(&watches->notifying, watch, notifying_entry); /* the next one's turn */
        }
        watch_end_unless_needed(watch);
    }
    cpu_budget_end(&watches->cpu_budget, !TAILQ_EMPTY(&watches->notifying));
    if (!TAILQ_EMPTY(&watches->notifying)) {
        arm(watches->notify, 0);
    }
}

/* ---- what is heard ---- */

void watches_message(struct watches *watches, const struct uuid *auction, const char *bytes, size_t length)
{
    struct live_update update;
    struct watch *watch = find(watches, auction);
    if (watch == NULL) {
        return;
    }
    if (!live_read(bytes, length, &update) || !uuid_equal(&update.auction_id, auction)) {
        log_warn("a message about an auction could not be read");
        look(watch, false);
        return;
    }
    if (watch->state.seq == 0) {
        watch->heard = update.version > watch->heard ? update.version : watch->heard;
    } else if (update.kind == LIVE_ENDING_SOON) {
        struct live_update soon = {.kind = LIVE_ENDING_SOON, .end_ms = watch->state.end_ms};
        tell(watch, make_text(watch, &soon));
    } else if (update.version == watch->state.seq + 1 && update.kind != LIVE_LOOK) {
        live_message_apply(&watch->state, &update);
        tell(watch, make_text(watch, &update));
    } else if (update.version > watch->state.seq) {
        watch->heard = update.version > watch->heard ? update.version : watch->heard;
        look(watch, false);
    }
}

/* ---- looking ---- */

static bool adopt_bids(struct live_state *state, const char *text)
{
    struct json *tree = json_parse(text, strlen(text), NULL);
    bool ok = live_read_bids(tree, state->newest, &state->bids);
    json_free(tree);
    return ok;
}

static bool adopt(struct live_state *state, const PGresult *result, int row)
{
    struct live_state found = {
        .auction_id = state->auction_id,
        .seq = pg_int(result, row, COLUMN_VERSION),
        .title = strdup(pg_text(result, row, COLUMN_TITLE)),
        .starting_price = pg_money(result, row, COLUMN_STARTING),
        .start_ms = pg_int(result, row, COLUMN_START),
        .end_ms = pg_int(result, row, COLUMN_END),
        .current_bid = pg_money(result, row, COLUMN_CURRENT),
        .minimum_bid = pg_money(result, row, COLUMN_MINIMUM),
        .bid_count = pg_int(result, row, COLUMN_COUNT),
        .reserve_met = pg_bool(result, row, COLUMN_RESERVE_MET),
    };
    (void)snprintf(found.currency, sizeof(found.currency), "%s", pg_text(result, row, COLUMN_CURRENCY));
    if (!rules_status_parse(pg_text(result, row, COLUMN_STATUS), &found.status) || found.title == NULL ||
        !adopt_bids(&found, pg_text(result, row, COLUMN_BIDS))) {
        free(found.title);
        return false;
    }
    free(state->title);
    *state = found;
    return true;
}

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

static void looked(struct watch *watch, const PGresult *result, int row)
{
    int64_t version = pg_int(result, row, COLUMN_VERSION);
    bool forced = watch->forced && watch->state.seq > 0;
    bool tells = forced || version > watch->state.seq;
    watch->forced = false;
    if (tells && version >= watch->state.seq) {
        if (adopt(&watch->state, result, row)) {
            /* One of its own, for it is told also to those who have this version. */
            struct text *text = forced ? make_text(watch, NULL) : present(watch);
            if (text != NULL && forced) {
                text->aside = true;
            }
            tell(watch, text);
        } else {
            log_error("an auction that is watched cannot be read");
            refuse_all(watch, ERROR_INTERNAL_ERROR);
            return;
        }
    }
    if (version < watch->heard) {
        look(watch, false); /* it was committed while we asked */
    }
}

static void on_looked(const struct pg_reply *reply, void *arg)
{
    struct watches *watches = arg;
    struct watch *watch = NULL;
    bool ok = reply->outcome == PG_OK;
    watches->look_asked = false;
    for (int row = 0; ok && row < PQntuples(reply->result); row++) {
        struct uuid id = pg_uuid(reply->result, row, COLUMN_ID);
        watch = find(watches, &id);
        if (watch != NULL && watch->asked) {
            set_asked(watch, false);
            looked(watch, reply->result, row);
            watch_end_unless_needed(watch);
        }
    }
    struct watch *next = NULL;
    for (watch = TAILQ_FIRST(&watches->asked); watch != NULL; watch = next) { /* there is no row for these */
        next = TAILQ_NEXT(watch, askings);
        set_asked(watch, false);
        if (ok || watch->state.seq == 0) {
            refuse_all(watch, ok ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE);
        } else {
            look(watch, false);
        }
        watch_end_unless_needed(watch);
    }
    if (!TAILQ_EMPTY(&watches->looks)) {
        arm(watches->look, ok ? 0 : RETRY_MS);
    }
}

static void do_look(evutil_socket_t fd, short what, void *arg)
{
    struct watches *watches = arg;
    struct watch *watch = NULL;
    size_t count = 0;
    (void)fd;
    (void)what;
    if (watches->look_asked || TAILQ_EMPTY(&watches->looks)) {
        return;
    }
    pg_array_reset(&watches->ids);
    while (count < LOOK_MAX && (watch = TAILQ_FIRST(&watches->looks)) != NULL) {
        TAILQ_REMOVE(&watches->looks, watch, looks);
        watch->looking = false;
        set_asked(watch, true);
        pg_array_uuid(&watches->ids, &watch->state.auction_id);
        count++;
    }
    const char *const values[] = {pg_array_done(&watches->ids)};
    watches->look_asked = true;
    if (values[0] == NULL || !statements_query(watches->options.pg, &watch_statements, WATCH_LOOK, ARRAY_LEN(values),
                                               values, on_looked, watches)) {
        const struct pg_reply lost = {.outcome = PG_LOST};
        on_looked(&lost, watches);
    }
}

/* ---- comparing ---- */

static void compare(struct watch *watch, int64_t version)
{
    bool missed = version > watch->state.seq;
    if (missed && (!watch->watches->listening || watch->suspect > watch->state.seq)) {
        live_metrics_add_missed();
        look(watch, false);
    }
    watch->suspect = missed ? version : 0;
}

static void on_checked(const struct pg_reply *reply, void *arg)
{
    struct watches *watches = arg;
    watches->check_asked = false;
    for (int row = 0; reply->outcome == PG_OK && row < PQntuples(reply->result); row++) {
        struct uuid id = pg_uuid(reply->result, row, 0);
        struct watch *watch = find(watches, &id);
        if (watch != NULL && watch->state.seq > 0) {
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
    if (watches->check_asked || TAILQ_EMPTY(&watches->all) || !pg_up(watches->options.pg)) {
        return;
    }
    struct watch *last = TAILQ_LAST(&watches->all, watch_list);
    struct watch *watch = NULL;
    pg_array_reset(&watches->ids);
    while (count < CHECK_MAX && watch != last) {
        watch = TAILQ_FIRST(&watches->all);
        TAILQ_REMOVE(&watches->all, watch, all);
        TAILQ_INSERT_TAIL(&watches->all, watch, all);
        pg_array_uuid(&watches->ids, &watch->state.auction_id);
        count++;
    }
    const char *const values[] = {pg_array_done(&watches->ids)};
    watches->check_asked = values[0] != NULL && statements_query(watches->options.pg, &watch_statements, WATCH_CHECK,
                                                                 ARRAY_LEN(values), values, on_checked, watches);
}

/* ---- who watches ---- */

static struct watch *watch_make(struct watches *watches, const struct uuid *auction)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return NULL;
    }
    *watch = (struct watch){.watches = watches, .state = {.auction_id = *auction}};
    TAILQ_INIT(&watch->watchers);
    STAILQ_INIT(&watch->queue);
    TAILQ_INSERT_TAIL(bucket_of(watches, auction), watch, bucket);
    TAILQ_INSERT_TAIL(&watches->all, watch, all);
    subscribe(watch);
    return watch;
}

bool watch_add(struct watches *watches, struct watcher *watcher, const struct uuid *auction)
{
    struct watch *watch = find(watches, auction);
    if (watch == NULL) {
        watch = watch_make(watches, auction);
    }
    if (watch == NULL) {
        return false;
    }
    watcher->watch = watch;
    watcher->seq = 0;
    watches->count++;
    TAILQ_INSERT_HEAD(&watch->watchers, watcher, list); /* before the cursor: it is told the state itself */
    if (watch->state.seq > 0) {
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

struct watches *watches_new(const struct watches_options *options)
{
    int ms = options->config->live_check_ms;
    const struct timeval every = {ms / 1000, (ms % 1000) * 1000L};
    struct watches *watches = calloc(1, sizeof(*watches));
    if (watches == NULL) {
        return NULL;
    }
    watches->options = *options;
    watches->cpu_budget = (struct cpu_budget){.burst_us = TELL_US, .rest_us = TELL_REST_US, .part = TELL_PART};
    TAILQ_INIT(&watches->all);
    TAILQ_INIT(&watches->looks);
    TAILQ_INIT(&watches->asked);
    TAILQ_INIT(&watches->notifying);
    for (size_t i = 0; i < BUCKETS; i++) {
        TAILQ_INIT(&watches->buckets[i]);
    }
    watches->json = jsonw_new();
    watches->look = event_new(options->base, -1, 0, do_look, watches);
    watches->notify = event_new(options->base, -1, 0, on_notify, watches);
    watches->check = event_new(options->base, -1, EV_PERSIST, do_check, watches);
    if (watches->json == NULL || watches->look == NULL || watches->notify == NULL || watches->check == NULL ||
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
    struct event *events[] = {watches->look, watches->notify, watches->check};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    pg_array_free(&watches->ids);
    jsonw_free(watches->json);
    free(watches);
}
