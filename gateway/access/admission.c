/*
 * Admission of requests; see admission.h.
 */
#include "gateway/access/admission.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/admission_call.h"
#include "gateway/access/admission_plain.h"
#include "gateway/access/audit.h"
#include "gateway/access/credentials.h"
#include "gateway/access/known_sessions.h"
#include "gateway/access/refusals.h"
#include "gateway/http/reply.h"

static bool ask(struct request *request, const struct admission_bid *bid, redis_callback answered, void *arg)
{
    if (admission_plain_suits(request, bid)) {
        return admission_plain_ask(request, bid, answered, arg);
    }
    return admission_call(request->access, &request->user, request->route->limit, bid, answered, arg);
}

/* A bid that was admitted for its bidder, while the limit of its auction is checked. */
struct auction_check {
    struct request *request;
    struct uuid bid;
    const char *key_hash;
    redis_callback answered;
    void *arg;
    struct admission admission;
};

static void finish_auction_check(const redisReply *reply, void *arg)
{
    struct auction_check *check = arg;
    (void)reply;
    check->request->admitted = &check->admission;
    check->answered(NULL, check->arg); /* may end the request */
    free(check);
}

static void on_auction_counted(const redisReply *reply, void *arg)
{
    struct auction_check *check = arg;
    struct request *request = check->request;
    struct limits_state state;
    bool known = limits_read(request, LIMIT_AUCTION_BIDS, reply, &state);
    if (known && state.used > state.most) {
        check->admission.verdict = ADMISSION_LIMITED;
        check->admission.limit = state;
        if (admission_forget(request, &check->bid, check->key_hash, finish_auction_check, check)) {
            return;
        }
    } else if (known) {
        request->spent_auction = true;
        limits_headers(request, &state);
    }
    finish_auction_check(NULL, check);
}

/*
 * Counts for the auction only bids that are within their bidder's limit. So one bidder cannot use up the limit of the
 * auction, and repetitions do not count.
 */
static void on_bidder_checked(const redisReply *reply, void *arg)
{
    struct auction_check *check = arg;
    char auction[UUID_TEXT_SIZE];
    check->admission = admission_read(check->request, reply);
    uuid_format(&check->request->parameters[0], auction);
    if (check->admission.verdict != ADMISSION_GRANTED ||
        !limits_count(check->request, LIMIT_AUCTION_BIDS, auction, on_auction_counted, check)) {
        check->answered(reply, check->arg);
        free(check);
    }
}

bool admission_ask(struct request *request, const struct admission_bid *bid, redis_callback answered, void *arg)
{
    bool of_auction = bid != NULL && request->route->limit == LIMIT_BIDS;
    if (!of_auction || limits_maximum(request->access, LIMIT_AUCTION_BIDS) == 0) {
        return ask(request, bid, answered, arg);
    }
    struct auction_check *check = malloc(sizeof(*check));
    if (check == NULL) {
        return false;
    }
    *check = (struct auction_check){
        .request = request, .bid = bid->id, .key_hash = bid->key_hash, .answered = answered, .arg = arg};
    if (!ask(request, bid, on_bidder_checked, check)) {
        free(check);
        return false;
    }
    return true;
}

/* Parses "epoch role banned end reload", which the script writes. */
static void read_user(struct admission *admission, const char *text, bool *reload)
{
    static const char ADMIN[] = "admin ";
    enum { DECIMAL = 10 };
    char *role = NULL;
    *reload = false;
    int64_t epoch = text == NULL ? 0 : strtoll(text, &role, DECIMAL);
    const char *banned = role == NULL || *role != ' ' ? NULL : strchr(role + 1, ' ');
    const char *end = banned == NULL ? NULL : strchr(banned + 1, ' ');
    if (end != NULL) {
        char *again = NULL;
        admission->admin = strncmp(role + 1, ADMIN, sizeof(ADMIN) - 1) == 0;
        admission->epoch = epoch;
        admission->ends_ms = strtoll(end, &again, DECIMAL);
        *reload = strcmp(again, " 1") == 0;
    }
}

static struct admission read_reply(const struct access *access, const struct request_user *user, enum limit limit,
                                   const redisReply *reply)
{
    struct admission admission = {.verdict = ADMISSION_UNCHECKED, .admin = user->admin};
    bool reload = false;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements < 4 ||
        reply->element[0]->integer > ADMISSION_MISSING) {
        return admission;
    }
    admission.verdict = (enum admission_verdict)reply->element[0]->integer;
    admission.limit = (struct limits_state){
        .most = limits_maximum(access, limit),
        .window_s = limits_window_s(limit),
        .used = reply->element[1]->integer,
        .reset_ms = reply->element[2]->integer,
    };
    read_user(&admission, reply->element[3]->str, &reload);
    if (admission.verdict == ADMISSION_GRANTED) {
        known_sessions_add(access->known_sessions, user);
    }
    if (reload && !credentials_load(access, user, NULL, NULL)) {
        log_debug("a session was not read again: PostgreSQL is unavailable");
    }
    if (admission.verdict == ADMISSION_KNOWN && reply->elements == 6 && reply->element[4]->len == 1) {
        admission.state = reply->element[4]->str[0];
        admission.pending = reply->element[5]->str;
    }
    return admission;
}

struct admission admission_read(struct request *request, const redisReply *reply)
{
    if (request->admitted != NULL) {
        struct admission admission = *request->admitted;
        request->admitted = NULL;
        return admission;
    }
    return read_reply(request->access, &request->user, request->route->limit, reply);
}

/* ---- credentials that Redis lacks ---- */

static void user_answered(struct request *request, const struct admission *admission);

static enum admission_verdict verdict_of(const struct credentials *credentials)
{
    static const enum admission_verdict verdicts[] = {
        [CREDENTIALS_UNKNOWN] = ADMISSION_UNCHECKED,
        [CREDENTIALS_VALID] = ADMISSION_GRANTED,
        [CREDENTIALS_ENDED] = ADMISSION_NO_SESSION,
        [CREDENTIALS_BANNED] = ADMISSION_BANNED,
    };
    return verdicts[credentials->verdict];
}

static void on_reloaded(const struct credentials *credentials, void *arg)
{
    struct request *request = arg;
    struct admission admission = {.verdict = verdict_of(credentials)};
    bool refused = credentials->verdict == CREDENTIALS_ENDED || credentials->verdict == CREDENTIALS_BANNED;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!refused) {
        request->reloaded(request);
    } else if (request->route->auth != ROUTE_BID) {
        user_answered(request, &admission);
    } else if (!admission_refuse(request, &admission)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

bool admission_reload(struct request *request, const struct admission *admission, route_handler again)
{
    if (admission->verdict != ADMISSION_MISSING || request->loaded) {
        return false;
    }
    request->loaded = true;
    request->reloaded = again;
    return credentials_load(request->access, &request->user, on_reloaded, request);
}

bool admission_refuse(struct request *request, const struct admission *admission)
{
    switch (admission->verdict) {
    case ADMISSION_UNCHECKED:
    case ADMISSION_MISSING:
        if (request->user.via == REQUEST_BY_ACCESS_TOKEN) {
            return false;
        }
        reply_error(request, ERROR_UNAVAILABLE);
        return true;
    case ADMISSION_NO_SESSION:
        reply_error(request, ERROR_UNAUTHORIZED);
        return true;
    case ADMISSION_BANNED:
        reply_error(request, ERROR_USER_BANNED);
        return true;
    case ADMISSION_LIMITED:
        limits_refuse(request, &admission->limit);
        return true;
    case ADMISSION_KEY_REUSED:
        reply_error(request, ERROR_IDEMPOTENCY_KEY_REUSED);
        return true;
    case ADMISSION_GRANTED:
    case ADMISSION_KNOWN:
        break;
    }
    return false;
}

/* On a route for guests, a user whose session is invalid or cannot be checked becomes a guest. */
static bool make_guest(struct request *request, const struct admission *admission)
{
    bool unchecked = admission->verdict == ADMISSION_UNCHECKED || admission->verdict == ADMISSION_MISSING;
    bool guest = request->route->auth == ROUTE_OPTIONAL &&
                 ((unchecked && request->user.via != REQUEST_BY_ACCESS_TOKEN) ||
                  (admission->verdict == ADMISSION_NO_SESSION && request->user.via == REQUEST_BY_COOKIE));
    if (guest) {
        request->user = (struct request_user){.via = REQUEST_GUEST, .unchecked = unchecked};
    }
    return guest;
}

/* Redis could not say anything. PostgreSQL has. */
static void on_unchecked_loaded(const struct credentials *credentials, void *arg)
{
    struct request *request = arg;
    const struct admission admission = {
        .verdict = verdict_of(credentials),
        .admin = credentials->verdict == CREDENTIALS_VALID ? credentials->admin : request->user.admin,
        .epoch = credentials->epoch,
        .ends_ms = credentials->ends_ms,
    };
    if (request_answered(request)) {
        reply_end(request);
    } else {
        user_answered(request, &admission);
    }
}

/* Whether PostgreSQL is asked, once: Redis is away. The handlers of these routes need PostgreSQL as well. */
static bool ask_postgres(struct request *request, const struct admission *admission)
{
    bool needed = request->route->auth == ROUTE_ADMIN || request->route->auth == ROUTE_USER;
    if (admission->verdict != ADMISSION_UNCHECKED || !needed || request->loaded) {
        return false;
    }
    request->loaded = true;
    return credentials_load(request->access, &request->user, on_unchecked_loaded, request);
}

/* Ends the request if it is for admins and its user is none, or may be none. */
static bool refuse_admin(struct request *request, const struct admission *admission)
{
    if (request->route->auth != ROUTE_ADMIN) {
        return false;
    }
    if (admission->verdict != ADMISSION_GRANTED) {
        reply_error(request, ERROR_UNAVAILABLE); /* an access token alone makes nobody an admin */
        return true;
    }
    if (admission->admin) {
        return false;
    }
    if (refusals_count(request->access->refusals, request, "ADMIN_REFUSED")) {
        reply_error(request, ERROR_FORBIDDEN);
    } else {
        limits_refuse_client(request);
    }
    return true;
}

static void ask_user(struct request *request);

static void user_answered(struct request *request, const struct admission *admission)
{
    route_handler then = request->then;
    if (admission_reload(request, admission, ask_user) || ask_postgres(request, admission)) {
        return;
    }
    if (make_guest(request, admission)) {
        limits_take_address(request, then);
        return;
    }
    if (admission_refuse(request, admission)) {
        return;
    }
    if (!limits_count_user(request)) {
        limits_refuse_client(request);
        return;
    }
    if (refuse_admin(request, admission)) { /* counts the refusal for the user, too */
        return;
    }
    if (admission->verdict == ADMISSION_GRANTED) {
        limits_spent(request);
    }
    request->user.admin = admission->admin;
    if (admission->epoch != 0) {
        request->user.epoch = admission->epoch;
        request->user.ends_ms = admission->ends_ms;
    }
    limits_headers(request, &admission->limit);
    if (request->route->auth == ROUTE_ADMIN) {
        audit_call(request, then);
    } else {
        then(request);
    }
}

static void on_user_checked(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct admission admission = admission_read(request, reply);
    user_answered(request, &admission);
}

static void ask_user(struct request *request)
{
    if (!ask(request, NULL, on_user_checked, request)) {
        struct admission admission = admission_read(request, NULL);
        user_answered(request, &admission);
    }
}

void admission_user(struct request *request, route_handler then)
{
    request->then = then;
    ask_user(request);
}

/* ---- credentials of a connection ---- */

struct check {
    const struct access *access;
    struct request_user user;
    admission_checked checked;
    void *arg;
};

static void finish_check(struct check *check, enum admission_verdict verdict, int64_t ends_ms)
{
    check->checked(verdict, ends_ms, check->arg);
    free(check);
}

static void on_check_loaded(const struct credentials *credentials, void *arg)
{
    finish_check(arg, verdict_of(credentials), credentials->ends_ms);
}

static void on_check_answered(const redisReply *reply, void *arg)
{
    struct check *check = arg;
    const struct admission admission = read_reply(check->access, &check->user, LIMIT_NONE, reply);
    if (admission.verdict != ADMISSION_MISSING ||
        !credentials_load(check->access, &check->user, on_check_loaded, check)) {
        finish_check(check, admission.verdict, admission.ends_ms);
    }
}

void admission_check(const struct access *access, const struct request_user *user, admission_checked checked, void *arg)
{
    struct check *check = calloc(1, sizeof(*check));
    if (check == NULL) {
        checked(ADMISSION_UNCHECKED, 0, arg);
        return;
    }
    *check = (struct check){access, *user, checked, arg};
    if (!admission_call(access, &check->user, LIMIT_NONE, NULL, on_check_answered, check)) {
        finish_check(check, ADMISSION_UNCHECKED, 0);
    }
}

void admission_mark_pending(struct request *request, const struct uuid *bid)
{
    (void)admission_call_mark(request, bid, NULL, "p", NULL, NULL);
}

bool admission_forget(struct request *request, const struct uuid *bid, const char *key_hash, redis_callback done,
                      void *arg)
{
    return admission_call_mark(request, bid, key_hash, "", done, arg);
}
