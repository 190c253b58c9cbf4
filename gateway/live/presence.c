/*
 * See presence.h.
 */
#include "gateway/live/presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/access/session.h"
#include "gateway/auction/me.h"
#include "gateway/bid/ledger.h"
#include "gateway/bid/waiters.h"
#include "gateway/core/gateway.h"

enum {
    BUCKETS = 1024,
    SWEEP_MS = 1000,    /* how late a look at credentials may be */
    CHECKS_MAX = 2000,  /* in one sweep; the others' turn is the next */
    DECISIONS_KEPT = 8, /* of a user, so that one that comes twice is told once */
};

TAILQ_HEAD(presence_list, presence);

struct person {
    struct uuid id;
    struct presence_list presences;
    struct uuid decided[DECISIONS_KEPT]; /* bids, a ring */
    size_t next_decided;
    TAILQ_ENTRY(person) bucket;
};

TAILQ_HEAD(person_list, person);

struct presences {
    struct gateway *gateway;
    struct jsonw *json;
    struct event *sweep;
    bool listening;
    struct presence_list all;
    struct person_list buckets[BUCKETS];
};

/* ---- the table ---- */

static struct person_list *bucket_of(struct presences *presences, const struct uuid *user)
{
    return &presences->buckets[((size_t)user->bytes[15] | (size_t)user->bytes[14] << 8U) % BUCKETS];
}

static struct person *find(struct presences *presences, const struct uuid *user)
{
    struct person *person = NULL;
    TAILQ_FOREACH(person, bucket_of(presences, user), bucket)
    {
        if (uuid_equal(&person->id, user)) {
            return person;
        }
    }
    return NULL;
}

static void subscribe(struct presences *presences, const struct person *person)
{
    char channel[KEYS_SIZE];
    keys_user_channel(&person->id, channel);
    if (presences->listening && !redis_subscribe(presences->gateway->listener, channel, NULL, NULL)) {
        log_debug("a user's channel was not subscribed to: Redis is not there");
    }
}

static struct person *person_make(struct presences *presences, const struct uuid *user)
{
    struct person *person = calloc(1, sizeof(*person));
    if (person != NULL) {
        person->id = *user;
        TAILQ_INIT(&person->presences);
        TAILQ_INSERT_TAIL(bucket_of(presences, user), person, bucket);
        subscribe(presences, person);
    }
    return person;
}

static void person_end(struct presences *presences, struct person *person)
{
    char channel[KEYS_SIZE];
    keys_user_channel(&person->id, channel);
    if (presences->listening && !redis_unsubscribe(presences->gateway->listener, channel)) {
        log_debug("a user's channel was not left: Redis is not there");
    }
    TAILQ_REMOVE(bucket_of(presences, &person->id), person, bucket);
    free(person);
}

bool presence_add(struct presences *presences, struct presence *presence, const struct request_user *user)
{
    struct person *person = find(presences, &user->id);
    assert(presence->person == NULL);
    if (person == NULL) {
        person = person_make(presences, &user->id);
    }
    if (person == NULL) {
        return false;
    }
    presence->person = person;
    presence->user = *user;
    presence->checked_ms = clock_mono_ms();
    TAILQ_INSERT_TAIL(&person->presences, presence, of_person);
    TAILQ_INSERT_TAIL(&presences->all, presence, all);
    return true;
}

void presence_remove(struct presences *presences, struct presence *presence)
{
    struct person *person = presence->person;
    if (person == NULL) {
        return;
    }
    presence->person = NULL;
    TAILQ_REMOVE(&person->presences, presence, of_person);
    TAILQ_REMOVE(&presences->all, presence, all);
    if (TAILQ_EMPTY(&person->presences)) {
        person_end(presences, person);
    }
}

/* ---- may they stay? ---- */

struct check {
    struct request_user user;
    presence_checked checked;
    void *arg;
};

/* The reply to MGET of the session and the ban. Without Redis nobody is sent away; a new session cannot be believed. */
static enum error_code judge(const struct request_user *user, const redisReply *reply)
{
    bool by_token = user->via == REQUEST_BY_ACCESS_TOKEN;
    if (session_expired(user)) {
        return ERROR_UNAUTHORIZED;
    }
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return by_token ? ERROR_COUNT : ERROR_UNAVAILABLE;
    }
    const redisReply *session = reply->element[0];
    if (reply->element[1]->type == REDIS_REPLY_STRING) {
        return ERROR_USER_BANNED;
    }
    if (session->type != REDIS_REPLY_STRING) {
        return by_token ? ERROR_COUNT : ERROR_UNAUTHORIZED;
    }
    return strcmp(session->str, "-") == 0 ? ERROR_UNAUTHORIZED : ERROR_COUNT;
}

static void on_checked(const redisReply *reply, void *arg)
{
    struct check *check = arg;
    check->checked(judge(&check->user, reply), check->arg);
    free(check);
}

void presence_check(struct gateway *gateway, const struct request_user *user, presence_checked checked, void *arg)
{
    char session[KEYS_SIZE];
    char ban[KEYS_SIZE];
    const char *const arguments[] = {"MGET", session, ban};
    struct check *check = calloc(1, sizeof(*check));
    keys_session(&user->id, user->session, session);
    keys_ban(&user->id, ban);
    if (check != NULL) {
        *check = (struct check){.user = *user, .checked = checked, .arg = arg};
    }
    if (check == NULL || !redis_command(gateway->redis, on_checked, check, ARRAY_LEN(arguments), arguments, NULL)) {
        free(check);
        checked(judge(user, NULL), arg);
    }
}

/* A look at one session of a user, or one token of it: whoever is connected by it then stays or goes. */
struct recheck {
    struct presences *presences;
    struct request_user user;
};

static void end_session(struct presences *presences, const struct request_user *user, enum error_code why)
{
    struct person *person = find(presences, &user->id);
    struct presence *next = NULL;
    for (struct presence *presence = person == NULL ? NULL : TAILQ_FIRST(&person->presences); presence != NULL;
         presence = next) {
        next = TAILQ_NEXT(presence, of_person);
        if (strcmp(presence->user.session, user->session) == 0 && presence->user.via == user->via &&
            presence->user.expires_s == user->expires_s) {
            presence_remove(presences, presence); /* with the last one the person goes, and `next` is NULL */
            presence->ended(presence, why);
        }
    }
}

static void on_rechecked(enum error_code why, void *arg)
{
    struct recheck *recheck = arg;
    if (why == ERROR_UNAUTHORIZED || why == ERROR_USER_BANNED) {
        end_session(recheck->presences, &recheck->user, why);
    }
    free(recheck);
}

static void look_again(struct presences *presences, struct presence *presence, int64_t now)
{
    struct recheck *recheck = calloc(1, sizeof(*recheck));
    TAILQ_REMOVE(&presences->all, presence, all);
    TAILQ_INSERT_TAIL(&presences->all, presence, all);
    presence->checked_ms = now;
    if (recheck != NULL) {
        *recheck = (struct recheck){.presences = presences, .user = presence->user};
        presence_check(presences->gateway, &recheck->user, on_rechecked, recheck);
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct presences *presences = arg;
    struct presence *presence = NULL;
    int64_t now = clock_mono_ms();
    int64_t late = now - INT64_C(1000) * presences->gateway->config->live_ping_interval_s;
    (void)fd;
    (void)what;
    for (size_t i = 0; i < CHECKS_MAX && (presence = TAILQ_FIRST(&presences->all)) != NULL; i++) {
        if (presence->checked_ms > late || !redis_up(presences->gateway->redis)) {
            return;
        }
        look_again(presences, presence, now);
    }
}

/* Due at once, in the order in which they would have come: the sweep does it. */
static void all_are_due(struct person *person, struct presences *presences)
{
    struct presence *presence = NULL;
    TAILQ_FOREACH(presence, &person->presences, of_person)
    {
        presence->checked_ms = 0;
        TAILQ_REMOVE(&presences->all, presence, all);
        TAILQ_INSERT_HEAD(&presences->all, presence, all);
    }
    event_active(presences->sweep, EV_TIMEOUT, 0);
}

/* ---- what a user is told ---- */

static void tell(struct presences *presences, const struct uuid *user, const struct uuid *auction)
{
    size_t length = 0;
    struct person *person = find(presences, user);
    struct presence *presence = NULL;
    const char *json = jsonw_text(presences->json, &length);
    struct text *text = json == NULL || person == NULL ? NULL : text_new(json, length, 0);
    if (text == NULL) {
        return;
    }
    TAILQ_FOREACH(presence, &person->presences, of_person)
    {
        presence->told(presence, auction, text);
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

static bool is_known(struct person *person, const struct uuid *bid)
{
    for (size_t i = 0; i < DECISIONS_KEPT; i++) {
        if (uuid_equal(&person->decided[i], bid)) {
            return true;
        }
    }
    person->decided[person->next_decided] = *bid;
    person->next_decided = (person->next_decided + 1) % DECISIONS_KEPT;
    return false;
}

void presences_decided(struct presences *presences, const struct decision *decision)
{
    struct person *person = find(presences, &decision->user_id);
    if (person == NULL || is_known(person, &decision->bid_id)) {
        return;
    }
    struct jsonw *json = begin(presences, "bid_result");
    if (decision->version > 0) {
        jsonw_put_int(json, "seq", decision->version);
    }
    ledger_put(json, decision);
    jsonw_end_object(json);
    tell(presences, &decision->user_id, &decision->auction_id);
}

struct noticing {
    struct presences *presences;
    struct uuid user;
};

static void on_notification(const struct pg_reply *reply, void *arg)
{
    struct noticing *noticing = arg;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 1) {
        struct uuid auction = me_notification_auction(reply->result, 0);
        struct jsonw *json = begin(noticing->presences, "notification");
        if (!uuid_is_nil(&auction)) { /* of a webhook, of no auction */
            jsonw_put_uuid(json, "auctionId", &auction);
        }
        jsonw_name(json, "notification");
        me_write_notification(json, reply->result, 0);
        jsonw_end_object(json);
        tell(noticing->presences, &noticing->user, &auction);
    }
    free(noticing);
}

static void fetch(struct presences *presences, const struct uuid *user, const struct uuid *id)
{
    struct noticing *noticing = calloc(1, sizeof(*noticing));
    if (noticing != NULL) {
        *noticing = (struct noticing){.presences = presences, .user = *user};
    }
    if (noticing == NULL || !me_find_notification(presences->gateway, user, id, on_notification, noticing)) {
        log_debug("a notification was not told: PostgreSQL is not there");
        free(noticing);
    }
}

void presences_message(struct presences *presences, const struct uuid *user, const char *bytes, size_t length)
{
    struct word word;
    struct decision decision;
    struct person *person = find(presences, user);
    if (person == NULL) {
        return;
    }
    if (!message_read_word(bytes, length, &word)) {
        if (message_read_decision(bytes, length, &decision) && uuid_equal(&decision.user_id, user)) {
            presences_decided(presences, &decision);
            waiters_message(presences->gateway->waiters, bytes, length);
        } else {
            log_warn("a message about a user could not be read");
        }
    } else if (word.kind == WORD_NOTICE) {
        fetch(presences, user, &word.id);
    } else {
        all_are_due(person, presences);
    }
}

void presences_listening(struct presences *presences, bool up)
{
    presences->listening = up;
    for (size_t i = 0; up && i < BUCKETS; i++) {
        struct person *person = NULL;
        TAILQ_FOREACH(person, &presences->buckets[i], bucket)
        {
            subscribe(presences, person);
            all_are_due(person, presences);
        }
    }
}

/* ---- start and stop ---- */

struct presences *presences_new(struct gateway *gateway)
{
    const struct timeval every = {SWEEP_MS / 1000, (SWEEP_MS % 1000) * 1000L};
    struct presences *presences = calloc(1, sizeof(*presences));
    if (presences == NULL) {
        return NULL;
    }
    presences->gateway = gateway;
    TAILQ_INIT(&presences->all);
    for (size_t i = 0; i < BUCKETS; i++) {
        TAILQ_INIT(&presences->buckets[i]);
    }
    presences->json = jsonw_new();
    presences->sweep = event_new(gateway->base, -1, EV_PERSIST, do_sweep, presences);
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
