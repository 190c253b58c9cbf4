/*
 * Rate limits; see limits.h.
 */
#include "gateway/access/limits.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/local_limits.h"
#include "gateway/access/refusals.h"
#include "gateway/core/clients.h"
#include "gateway/core/scripts.h"
#include "gateway/http/http.h"
#include "gateway/http/reply.h"

enum {
    NUMBER_SIZE = 24,
    FIRST_SERVER_ERROR = 500,
    CLIENT_RETRY_MS = 1000, /* until a client that holds all it may hold may try again */
};

/* KEYS: counter. ARGV: window in ms. Returns {used, ms until the window ends}. */
const struct redis_script limits_script = {"limit", "local used = redis.call('INCR', KEYS[1])\n"
                                                    "local left = redis.call('PTTL', KEYS[1])\n"
                                                    "if left < 0 then\n"
                                                    "  redis.call('PEXPIRE', KEYS[1], ARGV[1])\n"
                                                    "  left = tonumber(ARGV[1])\n"
                                                    "end\n"
                                                    "return {used, left}\n"};

/* KEYS: counter. Takes back one; none if the window has ended. */
const struct redis_script limits_back_script = {"limit_back",
                                                "if tonumber(redis.call('GET', KEYS[1]) or '0') < 1 then return 0 end\n"
                                                "return redis.call('DECR', KEYS[1])\n"};

enum { MINUTE_S = 60, HOUR_S = 3600 }; /* the windows; limits_refuse names them */

static const struct {
    const char *name;
    int window_s;
} limits[LIMIT_COUNT] = {
    [LIMIT_NONE] = {"none", MINUTE_S},
    [LIMIT_BIDS] = {"bids", MINUTE_S},
    [LIMIT_WITHDRAWALS] = {"withdrawals", MINUTE_S},
    [LIMIT_CHANGES] = {"changes", MINUTE_S},
    [LIMIT_JOINS] = {"join", MINUTE_S},
    [LIMIT_LEAVES] = {"leave", MINUTE_S},
    [LIMIT_ORDERS] = {"order", MINUTE_S},
    [LIMIT_ORDER_CHANGES] = {"order-changes", MINUTE_S},
    [LIMIT_AUCTIONS] = {"auctions", HOUR_S},
    [LIMIT_SEARCHES] = {"searches", MINUTE_S},
    [LIMIT_LOGINS] = {"logins", MINUTE_S},
    [LIMIT_REGISTRATIONS] = {"registrations", HOUR_S},
    [LIMIT_IMAGES] = {"images", HOUR_S},
    [LIMIT_MAILS] = {"mails", HOUR_S},
    [LIMIT_RESETS] = {"resets", HOUR_S},
    [LIMIT_WEBHOOK_CALLS] = {"webhooks", HOUR_S},
    [LIMIT_CALLBACKS] = {"callbacks", MINUTE_S},
    [LIMIT_ACCOUNT_LOGINS] = {"account", MINUTE_S},
    [LIMIT_AUCTION_BIDS] = {"auction-bids", MINUTE_S},
};

const char *limits_name(enum limit limit)
{
    assert(limit < LIMIT_COUNT);
    return limits[limit].name;
}

int limits_window_s(enum limit limit)
{
    assert(limit < LIMIT_COUNT);
    return limits[limit].window_s;
}

int limits_maximum(const struct access *access, enum limit limit)
{
    const struct config *config = access->config;
    const int most[LIMIT_COUNT] = {
        [LIMIT_NONE] = 0,
        [LIMIT_BIDS] = config->bids_per_minute,
        [LIMIT_WITHDRAWALS] = config->bids_per_minute,
        [LIMIT_CHANGES] = config->bids_per_minute,
        [LIMIT_JOINS] = config->joins_per_minute,
        [LIMIT_LEAVES] = config->joins_per_minute,
        [LIMIT_ORDERS] = config->orders_per_minute,
        [LIMIT_ORDER_CHANGES] = config->orders_per_minute,
        [LIMIT_AUCTIONS] = config->auctions_per_hour,
        [LIMIT_SEARCHES] = config->searches_per_minute,
        [LIMIT_LOGINS] = config->logins_per_minute,
        [LIMIT_REGISTRATIONS] = config->registrations_per_hour,
        [LIMIT_IMAGES] = config->images_per_hour,
        [LIMIT_MAILS] = config->mails_per_hour,
        [LIMIT_RESETS] = config->resets_per_hour,
        [LIMIT_WEBHOOK_CALLS] = config->webhook_calls_per_hour,
        [LIMIT_CALLBACKS] = config->callbacks_per_minute,
        [LIMIT_ACCOUNT_LOGINS] = config->logins_account_per_minute,
        [LIMIT_AUCTION_BIDS] = config->bids_per_auction_minute,
    };
    assert(limit < LIMIT_COUNT);
    return most[limit];
}

static int64_t seconds_up(int64_t ms)
{
    return ms <= 0 ? 1 : (ms + 999) / 1000;
}

static void number_header(struct request *request, const char *name, int64_t value)
{
    char text[DECIMAL_SIZE];
    (void)decimal_format(value, text);
    reply_header(request, name, text);
}

void limits_headers(struct request *request, const struct limits_state *state)
{
    int64_t remaining = state->used >= state->most ? 0 : state->most - state->used;
    if (state->most == 0 || (request->limit_shown && remaining > request->limit_remaining)) {
        return;
    }
    request->limit_shown = true;
    request->limit_remaining = remaining;
    number_header(request, "RateLimit-Limit", state->most);
    number_header(request, "RateLimit-Remaining", remaining);
    number_header(request, "RateLimit-Reset", seconds_up(state->reset_ms));
}

void limits_refuse(struct request *request, const struct limits_state *state)
{
    int64_t seconds = seconds_up(state->reset_ms);
    limits_headers(request, state);
    number_header(request, "Retry-After", seconds);
    const struct parameter parameters[] = {parameter_number("retryAfter", seconds),
                                           parameter_number("limit", state->most),
                                           parameter_word("window", state->window_s == MINUTE_S ? "minute" : "hour")};
    reply_error_with(request, ERROR_RATE_LIMITED, parameters, state->most == 0 ? 1 : ARRAY_LEN(parameters));
}

void limits_refuse_client(struct request *request)
{
    const struct limits_state held = {.most = 0, .reset_ms = CLIENT_RETRY_MS};
    limits_refuse(request, &held);
}

bool limits_count_address(struct request *request)
{
    const struct clients *clients = request->http->clients;
    struct client_keys client = clients_of_address(clients, request->address);
    if (!client_counts_take(clients->counts, &client, CLIENT_REQUESTS, 1)) {
        limits_refuse_client(request);
        return false;
    }
    request->client = client;
    return true;
}

bool limits_count_user(struct request *request)
{
    return clients_take_user(request->http->clients, &request->client, &request->user.id, CLIENT_REQUESTS);
}

/* Logs password guessing, once per window. */
static void note_refusal(struct request *request, const struct limits_state *state)
{
    bool login = request->taking == LIMIT_LOGINS || request->taking == LIMIT_ACCOUNT_LOGINS;
    if (login && state->used == state->most + 1) {
        refusals_note(request, NULL, "LOGIN_LIMITED", limits_name(request->taking));
    }
}

bool limits_read(const struct request *request, enum limit limit, const redisReply *reply, struct limits_state *state)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return false;
    }
    *state = (struct limits_state){
        .most = limits_maximum(request->access, limit),
        .window_s = limits_window_s(limit),
        .used = reply->element[0]->integer,
        .reset_ms = reply->element[1]->integer,
    };
    return true;
}

bool limits_count(struct request *request, enum limit limit, const char *text, redis_callback counted, void *arg)
{
    char key[KEYS_SIZE];
    char window[NUMBER_SIZE];
    const char *arguments[] = {key, window};
    keys_text_limit(text, limits_name(limit), key);
    (void)snprintf(window, sizeof(window), "%d000", limits_window_s(limit));
    return redis_call(request->access->redis, GATEWAY_SCRIPT_LIMIT, counted, arg, 1, ARRAY_LEN(arguments), arguments,
                      NULL);
}

/* ---- giving back ---- */

static bool gives_back(enum limit limit, enum error_code code)
{
    if (limit == LIMIT_LOGINS) {
        return code == ERROR_VALIDATION_FAILED || code == ERROR_BODY_TOO_LARGE || code == ERROR_UNSUPPORTED_MEDIA_TYPE;
    }
    return errors_entry(code)->status < FIRST_SERVER_ERROR; /* after a 503 it may have taken effect */
}

static void give_back(const struct request *request, const char *key)
{
    if (!redis_call(request->access->redis, GATEWAY_SCRIPT_LIMIT_BACK, NULL, NULL, 1, 1, &key, NULL)) {
        log_debug("the count of a refused request was not given back: no connection to Redis");
    }
}

static void route_key(const struct request *request, char key[static KEYS_SIZE])
{
    const char *name = limits_name(request->route->limit);
    if (request->user.via == REQUEST_GUEST) {
        keys_text_limit(request->address, name, key);
    } else {
        keys_user_limit(&request->user.id, name, key);
    }
}

void limits_give_back(const struct request *request)
{
    char key[KEYS_SIZE];
    route_key(request, key);
    give_back(request, key);
}

static void on_refused(struct request *request, enum error_code code)
{
    if (!gives_back(request->route->limit, code)) {
        return;
    }
    limits_give_back(request);
    if (request->spent_auction) {
        char key[KEYS_SIZE];
        char auction[UUID_TEXT_SIZE];
        uuid_format(&request->parameters[0], auction);
        keys_text_limit(auction, limits_name(LIMIT_AUCTION_BIDS), key);
        give_back(request, key);
    }
    if (request->limit_shown && code != ERROR_RATE_LIMITED) {
        number_header(request, "RateLimit-Remaining", request->limit_remaining + 1);
    }
}

void limits_spent(struct request *request)
{
    enum limit limit = request->route->limit;
    bool returnable = limit == LIMIT_LOGINS || limit == LIMIT_AUCTIONS || limit == LIMIT_BIDS || limit == LIMIT_JOINS ||
                      limit == LIMIT_ORDERS;
    if (returnable && limits_maximum(request->access, limit) > 0) {
        request->refused = on_refused;
    }
}

void limits_kept(struct request *request)
{
    request->refused = NULL;
}

/* Refuses the request, or calls `then`. */
static void act(struct request *request, const struct limits_state *state)
{
    route_handler then = request->then;
    if (state->used > state->most) {
        note_refusal(request, state);
        limits_refuse(request, state);
        return;
    }
    limits_headers(request, state);
    if (request->taking_route) {
        limits_spent(request);
    }
    then(request);
}

/* The limits that an outage of Redis must not lift: without them passwords could be guessed. */
static bool is_counted_locally(enum limit limit)
{
    return limit == LIMIT_LOGINS || limit == LIMIT_ACCOUNT_LOGINS || limit == LIMIT_REGISTRATIONS ||
           limit == LIMIT_RESETS;
}

static void count_locally(struct request *request)
{
    if (!is_counted_locally(request->taking)) {
        request->then(request);
        return;
    }
    const struct local_count count =
        local_limits_count(request->access->local_limits, request->taking_key,
                           INT64_C(1000) * limits_window_s(request->taking), clock_mono_ms());
    const struct limits_state state = {.most = limits_maximum(request->access, request->taking),
                                       .window_s = limits_window_s(request->taking),
                                       .used = count.used,
                                       .reset_ms = count.reset_ms};
    act(request, &state);
}

/* A request checks one limit at a time: request->taking. */
static void limit_counted(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct limits_state state;
    if (limits_read(request, request->taking, reply, &state)) {
        act(request, &state);
    } else {
        count_locally(request);
    }
}

static void take_text(struct request *request, enum limit limit, const char *text, route_handler then)
{
    if (limits_maximum(request->access, limit) == 0) {
        then(request);
        return;
    }
    request->then = then;
    request->taking = limit;
    request->taking_key = local_limits_key(request->access->local_limits, limits_name(limit), text);
    if (!limits_count(request, limit, text, limit_counted, request)) {
        count_locally(request);
    }
}

void limits_take_text(struct request *request, enum limit limit, const char *text, route_handler then)
{
    request->taking_route = false;
    take_text(request, limit, text, then);
}

void limits_take_address(struct request *request, route_handler then)
{
    request->taking_route = true;
    take_text(request, request->route->limit, request->address, then);
}
