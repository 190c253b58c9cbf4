/*
 * Rate limits; see limits.h.
 */
#include "gateway/access/limits.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/access/local_limits.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

enum { NUMBER_SIZE = 24 };

/* KEYS: counter. ARGV: window in ms. Returns {used, ms until the window ends}. */
const struct redis_script limits_script = {"limit", "local used = redis.call('INCR', KEYS[1])\n"
                                                    "local left = redis.call('PTTL', KEYS[1])\n"
                                                    "if left < 0 then\n"
                                                    "  redis.call('PEXPIRE', KEYS[1], ARGV[1])\n"
                                                    "  left = tonumber(ARGV[1])\n"
                                                    "end\n"
                                                    "return {used, left}\n"};

static const struct {
    const char *name;
    int window_s;
} limits[LIMIT_COUNT] = {
    [LIMIT_NONE] = {"none", 60},
    [LIMIT_BIDS] = {"bids", 60},
    [LIMIT_WITHDRAWALS] = {"withdrawals", 60},
    [LIMIT_CHANGES] = {"changes", 60},
    [LIMIT_AUCTIONS] = {"auctions", 3600},
    [LIMIT_SEARCHES] = {"searches", 60},
    [LIMIT_LOGINS] = {"logins", 60},
    [LIMIT_REGISTRATIONS] = {"registrations", 3600},
    [LIMIT_IMAGES] = {"images", 3600},
    [LIMIT_MAILS] = {"mails", 3600},
    [LIMIT_RESETS] = {"resets", 3600},
    [LIMIT_WEBHOOK_CALLS] = {"webhooks", 3600},
    [LIMIT_ACCOUNT_LOGINS] = {"account", 60},
    [LIMIT_AUCTION_BIDS] = {"auction-bids", 60},
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
        [LIMIT_AUCTIONS] = config->auctions_per_hour,
        [LIMIT_SEARCHES] = config->searches_per_minute,
        [LIMIT_LOGINS] = config->logins_per_minute,
        [LIMIT_REGISTRATIONS] = config->registrations_per_hour,
        [LIMIT_IMAGES] = config->images_per_hour,
        [LIMIT_MAILS] = config->mails_per_hour,
        [LIMIT_RESETS] = config->resets_per_hour,
        [LIMIT_WEBHOOK_CALLS] = config->webhook_calls_per_hour,
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
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
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
    struct jsonw *json = reply_error_begin(request, ERROR_RATE_LIMITED);
    jsonw_put_int(json, "retryAfter", seconds);
    reply_error_send(request, ERROR_RATE_LIMITED);
}

/* Logs password guessing, once per window. */
static void note_refusal(struct request *request, const struct limits_state *state)
{
    bool login = request->taking == LIMIT_LOGINS || request->taking == LIMIT_ACCOUNT_LOGINS;
    if (login && state->used == state->most + 1) {
        audit_note(request, NULL, "LOGIN_LIMITED", limits_name(request->taking));
    }
}

bool limits_read(const struct request *request, enum limit limit, const redisReply *reply, struct limits_state *state)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        return false;
    }
    *state = (struct limits_state){
        .most = limits_maximum(request->access, limit),
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
    const struct limits_state state = {limits_maximum(request->access, request->taking), count.used, count.reset_ms};
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

void limits_take_text(struct request *request, enum limit limit, const char *text, route_handler then)
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

void limits_take_address(struct request *request, route_handler then)
{
    limits_take_text(request, request->route->limit, request->address, then);
}
