/*
 * See presence.h.
 */
#include "gateway/live/presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/service/config.h"
#include "gateway/access/admission.h"
#include "gateway/access/session.h"
#include "gateway/auction/me.h"
#include "gateway/bid/ledger.h"
#include "gateway/live/positions.h"
#include "gateway/submit/waiters.h"

enum {
    BUCKETS = 1024,
    SWEEP_MS = 1000,    /* delay at most of a check of credentials */
    CHECKS_MAX = 2000,  /* per sweep; the rest follow in the next */
    DECISIONS_KEPT = 8, /* per user, to suppress duplicate decisions */
};

TAILQ_HEAD(presence_list, presence);

struct user_connections {
    struct uuid id;
    struct presence_list presences;
    struct uuid decided[DECISIONS_KEPT]; /* bids, a ring buffer */
    size_t next_decided;
    TAILQ_ENTRY(user_connections) bucket;
};

TAILQ_HEAD(user_connections_list, user_connections);

struct presences {
    struct presences_options options;
    struct jsonw *json;
    struct event *sweep;
    bool listening;
    struct presence_list all;
    struct user_connections_list buckets[BUCKETS];
};

/* ---- the table ---- */

static struct user_connections_list *bucket_of(struct presences *presences, const struct uuid *user)
{
    return &presences->buckets[((size_t)user->bytes[15] | (size_t)user->bytes[14] << 8U) % BUCKETS];
}

static struct user_connections *find(struct presences *presences, const struct uuid *user)
{
    struct user_connections *connections = NULL;
    TAILQ_FOREACH(connections, bucket_of(presences, user), bucket)
    {
        if (uuid_equal(&connections->id, user)) {
            return connections;
        }
    }
    return NULL;
}

static void subscribe(struct presences *presences, const struct user_connections *connections)
{
    char channel[KEYS_SIZE];
    keys_user_channel(&connections->id, channel);
    if (presences->listening && !redis_subscribe(presences->options.listener, channel, NULL, NULL)) {
        log_debug("user channel not subscribed: Redis is unavailable");
    }
}

static struct user_connections *user_connections_make(struct presences *presences, const struct uuid *user)
{
    struct user_connections *connections = calloc(1, sizeof(*connections));
    if (connections != NULL) {
        connections->id = *user;
        TAILQ_INIT(&connections->presences);
        TAILQ_INSERT_TAIL(bucket_of(presences, user), connections, bucket);
        subscribe(presences, connections);
    }
    return connections;
}

static void user_connections_end(struct presences *presences, struct user_connections *connections)
{
    char channel[KEYS_SIZE];
    keys_user_channel(&connections->id, channel);
    if (presences->listening && !redis_unsubscribe(presences->options.listener, channel)) {
        log_debug("user channel not unsubscribed: Redis is unavailable");
    }
    TAILQ_REMOVE(bucket_of(presences, &connections->id), connections, bucket);
    free(connections);
}

bool presence_add(struct presences *presences, struct presence *presence, const struct request_user *user)
{
    struct user_connections *connections = find(presences, &user->id);
    assert(presence->connections == NULL);
    if (connections == NULL) {
        connections = user_connections_make(presences, &user->id);
    }
    if (connections == NULL) {
        return false;
    }
    presence->connections = connections;
    presence->user = *user;
    presence->checked_ms = clock_mono_ms();
    TAILQ_INSERT_TAIL(&connections->presences, presence, of_user);
    TAILQ_INSERT_TAIL(&presences->all, presence, all);
    return true;
}

void presence_remove(struct presences *presences, struct presence *presence)
{
    struct user_connections *connections = presence->connections;
    if (connections == NULL) {
        return;
    }
    presence->connections = NULL;
    TAILQ_REMOVE(&connections->presences, presence, of_user);
    TAILQ_REMOVE(&presences->all, presence, all);
    if (TAILQ_EMPTY(&connections->presences)) {
        user_connections_end(presences, connections);
    }
}

/* ---- credentials ---- */

/* Nobody can say whether the credentials are valid: connected users may stay, but no new session is accepted. */
static enum error_code error_of(const struct request_user *user, enum admission_verdict verdict)
{
    switch (verdict) {
    case ADMISSION_NO_SESSION:
        return ERROR_UNAUTHORIZED;
    case ADMISSION_BANNED:
        return ERROR_USER_BANNED;
    case ADMISSION_UNCHECKED:
    case ADMISSION_MISSING:
        return user->via == REQUEST_BY_ACCESS_TOKEN ? ERROR_COUNT : ERROR_UNAVAILABLE;
    default:
        return ERROR_COUNT;
    }
}

struct check {
    struct request_user user;
    presence_checked checked;
    void *arg;
};

static void on_checked(enum admission_verdict verdict, int64_t ends_ms, void *arg)
{
    struct check *check = arg;
    check->checked(session_expired(&check->user) ? ERROR_UNAUTHORIZED : error_of(&check->user, verdict), ends_ms,
                   check->arg);
    free(check);
}

void presence_check(const struct access *access, const struct request_user *user, presence_checked checked, void *arg)
{
    struct check *check = session_expired(user) ? NULL : calloc(1, sizeof(*check));
    if (check == NULL) {
        checked(session_expired(user) ? ERROR_UNAUTHORIZED : ERROR_UNAVAILABLE, 0, arg);
        return;
    }
    *check = (struct check){*user, checked, arg};
    admission_check(access, &check->user, on_checked, check);
}

/* A check of one session or token of a user. All its connections stay or end with the result. */
struct recheck {
    struct presences *presences;
    struct request_user user;
};

static void end_session(struct presences *presences, const struct request_user *user, enum error_code reason)
{
    struct user_connections *connections = find(presences, &user->id);
    struct presence *next = NULL;
    for (struct presence *presence = connections == NULL ? NULL : TAILQ_FIRST(&connections->presences);
         presence != NULL; presence = next) {
        next = TAILQ_NEXT(presence, of_user);
        if (strcmp(presence->user.session, user->session) == 0 && presence->user.via == user->via &&
            presence->user.expires_s == user->expires_s) {
            presence_remove(presences, presence); /* with the last one user_connections is freed, and `next` is NULL */
            presence->ended(presence, reason);
        }
    }
}

void presences_end_all(struct presences *presences)
{
    struct presence *presence = NULL;
    while ((presence = TAILQ_FIRST(&presences->all)) != NULL) {
        presence_remove(presences, presence);
        presence->ended(presence, ERROR_UNAUTHORIZED);
    }
}

static void on_rechecked(enum error_code reason, int64_t ends_ms, void *arg)
{
    struct recheck *recheck = arg;
    (void)ends_ms;
    if (reason == ERROR_UNAUTHORIZED || reason == ERROR_USER_BANNED) {
        end_session(recheck->presences, &recheck->user, reason);
    }
    free(recheck);
}

static void start_recheck(struct presences *presences, struct presence *presence, int64_t now)
{
    struct recheck *recheck = calloc(1, sizeof(*recheck));
    TAILQ_REMOVE(&presences->all, presence, all);
    TAILQ_INSERT_TAIL(&presences->all, presence, all);
    presence->checked_ms = now;
    if (recheck != NULL) {
        *recheck = (struct recheck){.presences = presences, .user = presence->user};
        presence_check(presences->options.access, &recheck->user, on_rechecked, recheck);
    }
}

/* Nothing but the clock is asked, so this is done for all in each sweep. */
static void end_expired(struct presences *presences)
{
    struct presence *next = NULL;
    for (struct presence *presence = TAILQ_FIRST(&presences->all); presence != NULL; presence = next) {
        next = TAILQ_NEXT(presence, all);
        if (session_expired(&presence->user)) {
            presence_remove(presences, presence);
            presence->ended(presence, ERROR_UNAUTHORIZED);
        }
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct presences *presences = arg;
    struct presence *presence = NULL;
    int64_t now = clock_mono_ms();
    int64_t late = now - INT64_C(1000) * presences->options.config->live_ping_interval_s;
    (void)fd;
    (void)what;
    end_expired(presences);
    for (size_t i = 0; i < CHECKS_MAX && (presence = TAILQ_FIRST(&presences->all)) != NULL; i++) {
        if (presence->checked_ms > late || !redis_up(presences->options.redis)) {
            return;
        }
        start_recheck(presences, presence, now);
    }
}

/* Makes all checks of a user due at once, and triggers the sweep. */
static void make_all_due(struct user_connections *connections, struct presences *presences)
{
    struct presence *presence = NULL;
    TAILQ_FOREACH(presence, &connections->presences, of_user)
    {
        presence->checked_ms = 0;
        TAILQ_REMOVE(&presences->all, presence, all);
        TAILQ_INSERT_HEAD(&presences->all, presence, all);
    }
    event_active(presences->sweep, EV_TIMEOUT, 0);
}

/* ---- messages to a user ---- */

static void send_to_user(struct presences *presences, const struct uuid *user, const struct uuid *auction)
{
    size_t length = 0;
    struct user_connections *connections = find(presences, user);
    struct presence *presence = NULL;
    const char *json = jsonw_text(presences->json, &length);
    struct text *text = json == NULL || connections == NULL ? NULL : text_new(json, length, 0);
    if (text == NULL) {
        return;
    }
    TAILQ_FOREACH(presence, &connections->presences, of_user)
    {
        presence->notified(presence, auction, text);
    }
    text_unref(text);
}

static struct jsonw *begin(struct presences *presences, const char *type)
{
    struct jsonw *json = presences->json;
    jsonw_reset(json);
    jsonw_object(json);
    jsonw_put_string(json, "type", type);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    return json;
}

static bool is_known(struct user_connections *connections, const struct uuid *bid)
{
    for (size_t i = 0; i < DECISIONS_KEPT; i++) {
        if (uuid_equal(&connections->decided[i], bid)) {
            return true;
        }
    }
    connections->decided[connections->next_decided] = *bid;
    connections->next_decided = (connections->next_decided + 1) % DECISIONS_KEPT;
    return false;
}

void presences_decided(struct presences *presences, const struct decision *decision)
{
    struct user_connections *connections = find(presences, &decision->user_id);
    if (connections == NULL || is_known(connections, &decision->bid_id)) {
        return;
    }
    struct jsonw *json = begin(presences, "bid_result");
    if (decision->version > 0) {
        jsonw_put_int(json, "seq", decision->version);
    }
    ledger_put(json, decision);
    jsonw_end_object(json);
    send_to_user(presences, &decision->user_id, &decision->auction_id);
}

/* One EXPIRE may change a place and an order of the same user. */
void presences_sale_decided(struct presences *presences, const struct sale_message_decision *decision)
{
    struct user_connections *connections = find(presences, &decision->user_id);
    struct presence *presence = NULL;
    struct text *order = NULL;
    size_t length = 0;
    if (connections == NULL || (decision->kind != SALE_COMMAND_EXPIRE && is_known(connections, &decision->id))) {
        return;
    }
    if (!uuid_is_nil(&decision->order_id)) {
        jsonw_reset(presences->json);
        positions_write_order(presences->json, decision);
        const char *json = jsonw_text(presences->json, &length);
        order = json == NULL ? NULL : text_new(json, length, 0);
    }
    TAILQ_FOREACH(presence, &connections->presences, of_user)
    {
        if (presence->sale_decided != NULL) {
            presence->sale_decided(presence, decision, order);
        }
    }
    text_unref(order);
}

struct notification_query {
    struct presences *presences;
    struct uuid user;
};

static void on_notification(const struct pg_reply *reply, void *arg)
{
    struct notification_query *notification_query = arg;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 1) {
        struct uuid auction = me_notification_auction(reply->result, 0);
        struct jsonw *json = begin(notification_query->presences, "notification");
        if (!uuid_is_nil(&auction)) { /* a disabled webhook concerns no auction */
            jsonw_put_uuid(json, "auctionId", &auction);
        }
        jsonw_name(json, "notification");
        me_write_notification(json, reply->result, 0);
        jsonw_end_object(json);
        send_to_user(notification_query->presences, &notification_query->user, &auction);
    }
    free(notification_query);
}

static void fetch_notification(struct presences *presences, const struct uuid *user, const struct uuid *id)
{
    struct notification_query *notification_query = calloc(1, sizeof(*notification_query));
    if (notification_query != NULL) {
        *notification_query = (struct notification_query){.presences = presences, .user = *user};
    }
    if (notification_query == NULL ||
        !me_find_notification(presences->options.pg, user, id, on_notification, notification_query)) {
        log_debug("live notification dropped: PostgreSQL is unavailable");
        free(notification_query);
    }
}

void presences_message(struct presences *presences, const struct uuid *user, const char *bytes, size_t length)
{
    struct user_signal user_signal;
    struct decision decision;
    struct sale_message_decision sale_decision;
    struct user_connections *connections = find(presences, user);
    if (connections == NULL) {
        return;
    }
    if (!message_read_user_signal(bytes, length, &user_signal)) {
        if (message_read_decision(bytes, length, &decision) && uuid_equal(&decision.user_id, user)) {
            presences_decided(presences, &decision);
            waiters_message(presences->options.waiters, bytes, length);
        } else if (sale_message_read_decision(bytes, length, &sale_decision) &&
                   uuid_equal(&sale_decision.user_id, user)) {
            waiters_message(presences->options.sale_waiters, bytes, length); /* the answer precedes the place */
            presences_sale_decided(presences, &sale_decision);
        } else {
            log_warn("message to a user dropped: undecodable");
        }
    } else if (user_signal.kind == USER_SIGNAL_NOTICE) {
        fetch_notification(presences, user, &user_signal.id);
    } else {
        make_all_due(connections, presences);
    }
}

void presences_set_connected(struct presences *presences, bool up)
{
    presences->listening = up;
    for (size_t i = 0; up && i < BUCKETS; i++) {
        struct user_connections *connections = NULL;
        TAILQ_FOREACH(connections, &presences->buckets[i], bucket)
        {
            subscribe(presences, connections);
            make_all_due(connections, presences);
        }
    }
}

/* ---- start and stop ---- */

struct presences *presences_new(const struct presences_options *options)
{
    const struct timeval every = {SWEEP_MS / 1000, (SWEEP_MS % 1000) * 1000L};
    struct presences *presences = calloc(1, sizeof(*presences));
    if (presences == NULL) {
        return NULL;
    }
    presences->options = *options;
    TAILQ_INIT(&presences->all);
    for (size_t i = 0; i < BUCKETS; i++) {
        TAILQ_INIT(&presences->buckets[i]);
    }
    presences->json = jsonw_new();
    presences->sweep = event_new(options->base, -1, EV_PERSIST, do_sweep, presences);
    if (presences->json == NULL || presences->sweep == NULL || event_add(presences->sweep, &every) != 0) {
        presences_free(presences);
        return NULL;
    }
    return presences;
}

void presences_free(struct presences *presences)
{
    if (presences == NULL) {
        return;
    }
    assert(TAILQ_EMPTY(&presences->all));
    if (presences->sweep != NULL) {
        event_free(presences->sweep);
    }
    jsonw_free(presences->json);
    free(presences);
}
