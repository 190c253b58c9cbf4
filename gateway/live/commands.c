/*
 * See commands.h.
 */
#include "gateway/live/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/access/dispatch.h"
#include "gateway/access/session.h"
#include "gateway/bid/bids.h"
#include "gateway/bid/waiters.h"
#include "gateway/http/http_metrics.h"
#include "gateway/live/live.h"
#include "gateway/live/live_metrics.h"
#include "gateway/live/presence.h"
#include "gateway/live/watch.h"
#include "gateway/live/websocket.h"

enum {
    ID_MAX = 64, /* bytes of an "id" as JSON */
    ID_SIZE = ID_MAX + 1,
    ANSWERS_MAX = 8, /* commands `subscribe` for one auction that wait for its state; further ones are refused */
    HELD_MAX = 4, /* live messages held back between a bid's decision and its answer; further ones are sent at once */
    RESULT_WAIT_MS = 60000, /* for the decision on an accepted bid; after that only Redis may deliver it, or GET */
};

/* The client of a WebSocket. */
struct client {
    struct websocket websocket; /* first: a client is cast from it */
    TAILQ_HEAD(, subscription) subscriptions;
    size_t subscription_count;
    struct presence presence;               /* not entered for a guest */
    struct auth_check *auth_check;          /* the running check of credentials; NULL: none */
    TAILQ_HEAD(, bid_request) bid_requests; /* bids without an answer or a decision */
};

/* One auction that the client watches. */
struct subscription {
    struct watcher watcher;
    struct websocket *websocket;
    struct uuid auction_id;
    bool stale;                            /* updates were skipped: the present state must be sent */
    struct own_view *own_view;             /* being read for the answers; NULL: none */
    STAILQ_HEAD(, waiting_answer) answers; /* one for each command `subscribe` that is not answered yet */
    size_t answer_count;
    TAILQ_ENTRY(subscription) list;
};

struct waiting_answer {
    char id[ID_SIZE]; /* of the command */
    STAILQ_ENTRY(waiting_answer) list;
};

/* A bid, a proxy bid or a withdrawal from this client, until its decision. */
struct bid_request {
    struct request_transport transport; /* first */
    struct websocket *websocket;
    struct uuid auction_id;
    bool withdraws;              /* a withdrawal: its decision is no bid_result */
    char *key;                   /* NULL: none */
    struct waiter waiter;        /* for the decision, should Redis lose it */
    struct text *held[HELD_MAX]; /* messages that arrived before the answer and follow it */
    size_t held_count;
    char id[ID_SIZE];
    TAILQ_ENTRY(bid_request) list;
};

/* A running check of credentials. */
struct auth_check {
    struct websocket *websocket; /* NULL: the client has disconnected */
    struct request_user user;
    char id[ID_SIZE];
};

/* A parsed message of the client. */
struct client_message {
    const struct json *tree;
    const char *id; /* as JSON; "": none */
};

static struct client *client_of(struct websocket *websocket)
{
    return (struct client *)websocket;
}

/* ---- answers ---- */

static struct jsonw *begin_answer(struct websocket *websocket, const char *type, const char *id)
{
    struct jsonw *json = websocket->live->json;
    jsonw_reset(json);
    jsonw_object(json);
    if (id[0] != '\0') {
        jsonw_name(json, "id");
        jsonw_raw(json, id, strlen(id));
    }
    jsonw_put_string(json, "type", type);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    return json;
}

static void send_answer(struct websocket *websocket)
{
    size_t length = 0;
    jsonw_end_object(websocket->live->json);
    const char *text = jsonw_text(websocket->live->json, &length);
    websocket_send_frame(websocket, text == NULL ? NULL : frame_websocket(WSLAY_TEXT_FRAME, text, length));
}

static struct jsonw *begin_error(struct websocket *websocket, enum error_code code, const char *id)
{
    const struct error_entry *entry = errors_entry(code);
    struct jsonw *json = begin_answer(websocket, "error", id);
    http_metrics_refused(code);
    jsonw_put_string(json, "error", entry->code);
    jsonw_put_string(json, "message", entry->message);
    return json;
}

/* `auction` and `field` may be NULL. */
static void send_error(struct websocket *websocket, enum error_code code, const char *id, const struct uuid *auction)
{
    struct jsonw *json = begin_error(websocket, code, id);
    if (auction != NULL) {
        jsonw_put_uuid(json, "auctionId", auction);
    }
    send_answer(websocket);
}

static void send_field_error(struct websocket *websocket, const char *id, const char *field, const char *message)
{
    struct jsonw *json = begin_error(websocket, ERROR_VALIDATION_FAILED, id);
    jsonw_name(json, "fields");
    jsonw_array(json);
    jsonw_object(json);
    jsonw_put_string(json, "field", field);
    jsonw_put_string(json, "message", message);
    jsonw_end_object(json);
    jsonw_end_array(json);
    send_answer(websocket);
}

/* ---- subscriptions ---- */

/* Removes the first answer, which the caller has sent. */
static void pop_answer(struct subscription *subscription, struct waiting_answer *answer)
{
    STAILQ_REMOVE_HEAD(&subscription->answers, list);
    subscription->answer_count--;
    free(answer);
}

/* False: it was refused, as no more commands may wait. */
static bool push_answer(struct subscription *subscription, const char *id)
{
    struct waiting_answer *answer = subscription->answer_count < ANSWERS_MAX ? calloc(1, sizeof(*answer)) : NULL;
    if (answer == NULL) {
        send_error(subscription->websocket, ERROR_UNAVAILABLE, id, &subscription->auction_id);
        return false;
    }
    (void)snprintf(answer->id, sizeof(answer->id), "%s", id);
    STAILQ_INSERT_TAIL(&subscription->answers, answer, list);
    subscription->answer_count++;
    return true;
}

static void subscription_free(struct subscription *subscription)
{
    struct waiting_answer *answer = NULL;
    watch_remove(&subscription->watcher);
    own_view_leave(subscription->own_view);
    while ((answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        pop_answer(subscription, answer);
    }
    TAILQ_REMOVE(&client_of(subscription->websocket)->subscriptions, subscription, list);
    client_of(subscription->websocket)->subscription_count--;
    free(subscription);
}

/* Answers one command; `id` may be "". An answer is sent even to a slow client. */
static void send_snapshot(struct websocket *websocket, struct text *text, const char *id)
{
    if (id[0] == '\0') {
        websocket_send(websocket, text);
    } else {
        websocket_send_frame(websocket, text_answer(text, id));
    }
}

static void send_answers(struct subscription *subscription, struct text *text)
{
    struct waiting_answer *answer = NULL;
    while ((answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        send_snapshot(subscription->websocket, text, answer->id);
        pop_answer(subscription, answer);
    }
}

/* Sends the present state to a subscription that missed updates. False: the client does not keep up. */
static bool send_present(struct subscription *subscription)
{
    struct websocket *websocket = subscription->websocket;
    if (!stream_is_clear(&websocket->stream)) {
        return false;
    }
    struct text *text = watch_snapshot(&subscription->watcher);
    subscription->stale = false;
    if (text != NULL) {
        websocket_send(websocket, text);
    }
    text_unref(text);
    return true;
}

/* What happened since the snapshot was taken follows it. */
static void on_own_view(struct text *text, void *arg)
{
    struct subscription *subscription = arg;
    if (text == NULL) {
        websocket_send_frame(subscription->websocket, NULL); /* no memory: the connection fails */
        return;
    }
    send_answers(subscription, text);
    if (subscription->stale && subscription->watcher.watch != NULL) {
        (void)send_present(subscription);
    }
}

/* Until the user's own view was read, updates are skipped: they follow the snapshot. */
static void on_update(struct watcher *watcher, struct text *text)
{
    struct subscription *subscription = watcher->owner;
    struct websocket *websocket = subscription->websocket;
    bool asks = subscription->answer_count > 0;
    if (asks && websocket->user.via == REQUEST_GUEST) {
        send_answers(subscription, text);
    } else if (asks && subscription->own_view == NULL) {
        const struct own_view_of of = {websocket->user.id, subscription->auction_id, text};
        own_view_read(&websocket->live->own_view, &of, &subscription->own_view, on_own_view, subscription);
    } else if (!asks && stream_is_clear(&websocket->stream)) {
        websocket_send(websocket, text);
    } else {
        subscription->stale = true;
    }
}

static void on_refused(struct watcher *watcher, enum error_code reason)
{
    struct subscription *subscription = watcher->owner;
    struct websocket *websocket = subscription->websocket;
    struct waiting_answer *answer = NULL;
    if (subscription->answer_count == 0) { /* it has ended later */
        send_error(websocket, reason, "", &subscription->auction_id);
    }
    while ((answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        send_error(websocket, reason, answer->id, &subscription->auction_id);
        pop_answer(subscription, answer);
    }
    subscription_free(subscription);
}

static void catch_up(struct websocket *websocket)
{
    struct subscription *subscription = NULL;
    TAILQ_FOREACH(subscription, &client_of(websocket)->subscriptions, list)
    {
        if (subscription->stale && subscription->own_view == NULL && subscription->watcher.watch != NULL) {
            if (!send_present(subscription)) {
                return;
            }
            live_metrics_add_slow();
        }
    }
}

static struct subscription *find_subscription(struct websocket *websocket, const struct uuid *auction)
{
    struct subscription *subscription = NULL;
    TAILQ_FOREACH(subscription, &client_of(websocket)->subscriptions, list)
    {
        if (uuid_equal(&subscription->auction_id, auction)) {
            return subscription;
        }
    }
    return NULL;
}

/*
 * False after answering: the member is missing or malformed. A malformed id names no auction: as in a path it is
 * unknown.
 */
static bool read_auction(struct websocket *websocket, const struct client_message *message, struct uuid *auction)
{
    const struct json *member = json_member(message->tree, "auctionId");
    if (member == NULL || member->type != JSON_STRING) {
        send_field_error(websocket, message->id, "auctionId", "is required");
        return false;
    }
    if (!uuid_parse(member->text, member->length, auction)) {
        send_error(websocket, ERROR_NOT_FOUND, message->id, NULL);
        return false;
    }
    return true;
}

static struct subscription *subscription_make(struct websocket *websocket, const struct uuid *auction)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (subscription != NULL) {
        *subscription = (struct subscription){
            .watcher = {.update = on_update, .refused = on_refused, .owner = subscription},
            .websocket = websocket,
            .auction_id = *auction,
        };
        STAILQ_INIT(&subscription->answers);
        TAILQ_INSERT_TAIL(&client_of(websocket)->subscriptions, subscription, list);
        client_of(websocket)->subscription_count++;
    }
    return subscription;
}

static void add_subscription(struct websocket *websocket, const struct uuid *auction, const char *id)
{
    if (client_of(websocket)->subscription_count >= (size_t)websocket->live->config->live_subscriptions_max) {
        send_error(websocket, ERROR_TOO_MANY_SUBSCRIPTIONS, id, auction);
        return;
    }
    struct subscription *subscription = subscription_make(websocket, auction);
    if (subscription == NULL) {
        send_error(websocket, ERROR_UNAVAILABLE, id, auction);
    } else if (!push_answer(subscription, id)) {
        subscription_free(subscription);
    } else if (!watch_add(websocket->live->watches, &subscription->watcher, auction)) {
        on_refused(&subscription->watcher, ERROR_UNAVAILABLE);
    }
}

/* A repeated subscribe requests a snapshot. It waits with the former ones, which are answered by the same state. */
static void do_subscribe(struct websocket *websocket, const struct client_message *message)
{
    struct uuid auction;
    if (!read_auction(websocket, message, &auction)) {
        return;
    }
    struct subscription *subscription = find_subscription(websocket, &auction);
    if (subscription != NULL && subscription->answer_count > 0) {
        (void)push_answer(subscription, message->id);
        return;
    }
    if (subscription != NULL) {
        subscription_free(subscription);
    }
    add_subscription(websocket, &auction, message->id);
}

static void send_unsubscribed(struct websocket *websocket, const struct uuid *auction, const char *id)
{
    struct jsonw *json = begin_answer(websocket, "unsubscribed", id);
    jsonw_put_uuid(json, "auctionId", auction);
    send_answer(websocket);
}

/* It overtakes each subscribe that still waits for the state; their answer is that there is no subscription. */
static void do_unsubscribe(struct websocket *websocket, const struct client_message *message)
{
    struct uuid auction;
    if (!read_auction(websocket, message, &auction)) {
        return;
    }
    struct subscription *subscription = find_subscription(websocket, &auction);
    struct waiting_answer *answer = NULL;
    while (subscription != NULL && (answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        send_unsubscribed(websocket, &auction, answer->id);
        pop_answer(subscription, answer);
    }
    if (subscription != NULL) {
        subscription_free(subscription);
    }
    send_unsubscribed(websocket, &auction, message->id);
}

/* ---- bids ---- */

static void release_held(struct bid_request *bid_request)
{
    for (size_t i = 0; i < bid_request->held_count; i++) {
        websocket_send(bid_request->websocket, bid_request->held[i]);
        text_unref(bid_request->held[i]);
    }
    bid_request->held_count = 0;
}

static void transport_free(struct bid_request *bid_request)
{
    request_leave(&bid_request->transport);
    waiters_remove(bid_request->websocket->live->waiters, &bid_request->waiter);
    TAILQ_REMOVE(&client_of(bid_request->websocket)->bid_requests, bid_request, list);
    release_held(bid_request);
    free(bid_request->key);
    free(bid_request);
}

/* Appends the members of an object, except auctionId. */
static void put_members(struct jsonw *json, const struct json *object)
{
    for (const struct json *member = object->child; member != NULL; member = member->next) {
        if (strcmp(member->name, "auctionId") != 0) {
            jsonw_name(json, member->name);
            jsonw_value(json, member);
        }
    }
}

/* A decision that came after `bid_pending`; the answer to a withdrawal that is decided in time has no bidId. */
static void send_withdrawn(struct bid_request *bid_request, const struct decision *decision)
{
    struct websocket *websocket = bid_request->websocket;
    struct jsonw *json = decision->status == BID_REJECTED
                             ? begin_error(websocket, errors_of_reason(decision->reason), bid_request->id)
                             : begin_answer(websocket, "proxy_withdrawn", bid_request->id);
    jsonw_put_uuid(json, "auctionId", &bid_request->auction_id);
    jsonw_put_uuid(json, "bidId", &decision->bid_id);
    send_answer(websocket);
}

/*
 * Notifies all connections of the bidder, including this one. Of a withdrawal the others learn nothing, as over HTTP.
 * Without a decision in time it only frees the bid.
 */
static void on_decided(struct waiter *waiter, const struct decision *decision)
{
    struct bid_request *bid_request = waiter->arg;
    if (decision != NULL && bid_request->withdraws) {
        send_withdrawn(bid_request, decision);
    } else if (decision != NULL) {
        presences_decided(bid_request->websocket->live->presences, decision);
    }
    transport_free(bid_request);
}

/* Redis may lose the decision, so the waiter also queries the ledger. */
static void wait_for_decision(struct bid_request *bid_request, const struct json *answer)
{
    struct waiter *waiter = &bid_request->waiter;
    *waiter = (struct waiter){
        .auction_id = bid_request->auction_id,
        .until_ms = clock_mono_ms() + RESULT_WAIT_MS,
        .done = on_decided,
        .arg = bid_request,
    };
    if (json_get_uuid(answer, "bidId", &waiter->bid_id)) {
        waiters_add(bid_request->websocket->live->waiters, waiter);
    } else {
        transport_free(bid_request);
    }
}

static const char *type_of_status(int status)
{
    switch (status) {
    case 200:
        return "bid_result";
    case 202:
        return "bid_pending";
    case 204:
        return "proxy_withdrawn";
    default:
        return "error";
    }
}

/* Converts the answer over HTTP. It is parsed first, because the same writer holds it. A 204 has no body. */
static void on_bid_answered(struct request_transport *transport, int status, const char *text, size_t length)
{
    struct bid_request *bid_request = (struct bid_request *)transport;
    struct websocket *websocket = bid_request->websocket;
    struct json *answer = length == 0 ? NULL : json_parse(text, length, NULL);
    struct jsonw *json = begin_answer(websocket, type_of_status(status), bid_request->id);
    jsonw_put_uuid(json, "auctionId", &bid_request->auction_id);
    if (answer != NULL) {
        put_members(json, answer);
    }
    send_answer(websocket);
    release_held(bid_request);
    if (status == 202) {
        wait_for_decision(bid_request, answer);
    } else {
        transport_free(bid_request);
    }
    json_free(answer);
}

/* A command that a route of bids.h handles. */
struct bid_command {
    int route;        /* index in bids_routes */
    const char *name; /* of the member with the amount, in the command and in the body; NULL: the route has no body */
};

/* The body for the route; NULL without memory. */
static struct json *make_body(struct websocket *websocket, const char *name, const struct json *amount)
{
    struct jsonw *json = websocket->live->json;
    size_t length = 0;
    jsonw_reset(json);
    jsonw_object(json);
    if (name != NULL && amount != NULL) {
        jsonw_name(json, name);
        jsonw_value(json, amount);
    }
    jsonw_end_object(json);
    const char *text = jsonw_text(json, &length);
    return text == NULL ? NULL : json_parse(text, length, NULL);
}

static struct bid_request *make_transport(struct websocket *websocket, const struct client_message *message,
                                          const struct uuid *auction, const struct json *key)
{
    struct bid_request *bid_request = calloc(1, sizeof(*bid_request));
    if (bid_request == NULL) {
        return NULL;
    }
    *bid_request = (struct bid_request){
        .transport = {.answered = on_bid_answered}, .websocket = websocket, .auction_id = *auction, .key = NULL};
    (void)snprintf(bid_request->id, sizeof(bid_request->id), "%s", message->id);
    TAILQ_INSERT_TAIL(&client_of(websocket)->bid_requests, bid_request, list);
    if (key != NULL) {
        bid_request->key = strndup(key->text, key->length);
        bid_request->transport.idempotency_key = bid_request->key;
    }
    bool receipt = false;
    if (json_get_bool(message->tree, "receipt", &receipt) && receipt) {
        bid_request->transport.prefer = "receipt";
    }
    if (key != NULL && bid_request->key == NULL) {
        transport_free(bid_request);
        return NULL;
    }
    return bid_request;
}

static void pass_to_route(struct websocket *websocket, const struct client_message *message, const struct uuid *auction,
                          const struct json *key, const struct bid_command *command)
{
    const struct json *amount = command->name == NULL ? NULL : json_member(message->tree, command->name);
    struct bid_request *bid_request = make_transport(websocket, message, auction, key);
    struct json *body = bid_request == NULL ? NULL : make_body(websocket, command->name, amount);
    const struct dispatch_transport from = {
        .route = &bids_routes[command->route],
        .context = websocket->live->bids,
        .parameter = *auction,
        .body = body,
        .user = &websocket->user,
        .address = websocket->address,
        .transport = bid_request == NULL ? NULL : &bid_request->transport,
    };
    if (bid_request != NULL) {
        bid_request->withdraws = command->route == BIDS_WITHDRAW;
    }
    if (body == NULL || !dispatch_by_transport(websocket->live->dispatch, &from)) {
        if (bid_request != NULL) {
            transport_free(bid_request);
        }
        send_error(websocket, ERROR_UNAVAILABLE, message->id, auction);
    }
}

/* Checks what HTTP checks before a handler: credentials, and the form of the key. */
static void run_bid_command(struct websocket *websocket, const struct client_message *message,
                            const struct bid_command *command)
{
    struct uuid auction;
    const struct json *key = json_member(message->tree, "idempotencyKey");
    if (!read_auction(websocket, message, &auction)) {
        return;
    }
    if (websocket->user.unchecked) {
        send_error(websocket, ERROR_UNAVAILABLE, message->id, &auction);
    } else if (websocket->user.via == REQUEST_GUEST || session_expired(&websocket->user)) {
        send_error(websocket, ERROR_UNAUTHORIZED, message->id, &auction);
    } else if (key != NULL && key->type != JSON_STRING && key->type != JSON_NULL) {
        send_field_error(websocket, message->id, "idempotencyKey", "must have 1 to 64 characters");
    } else {
        pass_to_route(websocket, message, &auction, key != NULL && key->type == JSON_STRING ? key : NULL, command);
    }
}

static void do_bid(struct websocket *websocket, const struct client_message *message)
{
    static const struct bid_command bid = {BIDS_PLACE, "amount"};
    run_bid_command(websocket, message, &bid);
}

/*
 * Sets a maximum (POST proxy), or withdraws it (DELETE proxy). A maximum of null does not withdraw: a client that
 * computes one wrongly sends null as well.
 */
static void do_proxy(struct websocket *websocket, const struct client_message *message)
{
    static const struct bid_command set = {BIDS_PROXY, "maxAmount"};
    static const struct bid_command withdrawal = {BIDS_WITHDRAW, NULL};
    static const char *const with_maximum[] = {"maxAmount", "idempotencyKey", "receipt"};
    bool withdraw = false;
    if (json_member(message->tree, "withdraw") == NULL) {
        run_bid_command(websocket, message, &set);
        return;
    }
    if (!json_get_bool(message->tree, "withdraw", &withdraw) || !withdraw) {
        send_field_error(websocket, message->id, "withdraw", "must be true, or left out");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(with_maximum); i++) {
        if (json_member(message->tree, with_maximum[i]) != NULL) {
            send_field_error(websocket, message->id, with_maximum[i], "must be left out together with withdraw");
            return;
        }
    }
    run_bid_command(websocket, message, &withdrawal);
}

/* ---- users ---- */

/* A bid may be decided before the broker's confirm: its answer is still sent first. */
static void on_notified(struct presence *presence, const struct uuid *auction, struct text *text)
{
    struct websocket *websocket = presence->owner;
    struct bid_request *bid_request = NULL;
    TAILQ_FOREACH(bid_request, &client_of(websocket)->bid_requests, list)
    {
        if (bid_request->transport.request != NULL && uuid_equal(&bid_request->auction_id, auction) &&
            bid_request->held_count < HELD_MAX) {
            bid_request->held[bid_request->held_count++] = text_ref(text);
            return;
        }
    }
    websocket_send(websocket, text);
}

static void on_user_ended(struct presence *presence, enum error_code reason)
{
    if (session_expired(&presence->user)) {
        websocket_close(presence->owner, WEBSOCKET_EXPIRED, "expired");
    } else {
        websocket_close(presence->owner, WEBSOCKET_POLICY, reason == ERROR_USER_BANNED ? "banned" : "session ended");
    }
}

static bool enter(struct websocket *websocket, const struct request_user *user)
{
    presence_remove(websocket->live->presences, &client_of(websocket)->presence);
    websocket->user = (struct request_user){.via = REQUEST_GUEST};
    client_of(websocket)->presence =
        (struct presence){.notified = on_notified, .ended = on_user_ended, .owner = websocket};
    if (!presence_add(websocket->live->presences, &client_of(websocket)->presence, user)) {
        return false;
    }
    websocket->user = *user;
    return true;
}

static void on_auth_checked(enum error_code reason, void *arg)
{
    struct auth_check *auth_check = arg;
    struct websocket *websocket = auth_check->websocket;
    if (websocket != NULL) {
        client_of(websocket)->auth_check = NULL;
        if (reason == ERROR_COUNT && !enter(websocket, &auth_check->user)) {
            reason = ERROR_UNAVAILABLE;
        }
        if (reason == ERROR_COUNT) {
            struct jsonw *json = begin_answer(websocket, "authenticated", auth_check->id);
            jsonw_put_uuid(json, "userId", &auth_check->user.id);
            send_answer(websocket);
        } else {
            send_error(websocket, reason, auth_check->id, NULL);
        }
        if (reason == ERROR_USER_BANNED) {
            websocket_close(websocket, WEBSOCKET_POLICY, "banned");
        }
    }
    free(auth_check);
}

static void do_auth(struct websocket *websocket, const struct client_message *message)
{
    const char *token = NULL;
    struct request_user user = {.via = REQUEST_GUEST};
    if (!json_get_text(message->tree, "token", &token)) {
        send_field_error(websocket, message->id, "token", "is required");
        return;
    }
    enum session_reading reading = session_read_token(websocket->live->deployment, token, &user);
    if (reading != SESSION_READ) {
        send_error(websocket, reading == SESSION_UNKNOWN ? ERROR_UNAVAILABLE : ERROR_UNAUTHORIZED, message->id, NULL);
        return;
    }
    struct auth_check *auth_check = client_of(websocket)->auth_check == NULL ? calloc(1, sizeof(*auth_check)) : NULL;
    if (auth_check == NULL) {
        send_error(websocket, ERROR_UNAVAILABLE, message->id, NULL); /* only one check at a time */
        return;
    }
    *auth_check = (struct auth_check){.websocket = websocket, .user = user};
    (void)snprintf(auth_check->id, sizeof(auth_check->id), "%s", message->id);
    client_of(websocket)->auth_check = auth_check;
    presence_check(websocket->live->access, &user, on_auth_checked, auth_check);
}

/* ---- ping ---- */

static void do_ping(struct websocket *websocket, const struct client_message *message)
{
    (void)begin_answer(websocket, "pong", message->id);
    send_answer(websocket);
}

/* ---- table of commands ---- */

enum { MEMBERS_MAX = 5 };

static const struct command_entry {
    const char *type;
    void (*run)(struct websocket *websocket, const struct client_message *message);
    const char *members[MEMBERS_MAX]; /* besides type and id */
} commands[] = {
    {"subscribe", do_subscribe, {"auctionId"}},
    {"unsubscribe", do_unsubscribe, {"auctionId"}},
    {"bid", do_bid, {"auctionId", "amount", "idempotencyKey", "receipt"}},
    {"proxy", do_proxy, {"auctionId", "maxAmount", "withdraw", "idempotencyKey", "receipt"}},
    {"ping", do_ping, {NULL}},
    {"auth", do_auth, {"token"}},
};

static bool is_member(const struct command_entry *command, const char *name)
{
    bool known = strcmp(name, "type") == 0 || strcmp(name, "id") == 0;
    for (size_t i = 0; i < MEMBERS_MAX && command->members[i] != NULL; i++) {
        known = known || strcmp(name, command->members[i]) == 0;
    }
    return known;
}

/* Unknown members are refused, as over HTTP: ignoring one would ignore the client's intent. */
static void run_command(struct websocket *websocket, const struct command_entry *command,
                        const struct client_message *message)
{
    for (const struct json *member = message->tree->child; member != NULL; member = member->next) {
        if (!is_member(command, member->name)) {
            send_field_error(websocket, message->id, member->name, "is not known");
            return;
        }
    }
    command->run(websocket, message);
}

/* The id as JSON: a short string or number. False: it is neither. */
static bool read_id(struct websocket *websocket, const struct json *tree, char out[static ID_SIZE])
{
    const struct json *id = json_member(tree, "id");
    struct jsonw *json = websocket->live->json;
    size_t length = 0;
    out[0] = '\0';
    if (id == NULL || id->type == JSON_NULL) {
        return true;
    }
    jsonw_reset(json);
    jsonw_value(json, id);
    const char *text = jsonw_text(json, &length);
    if ((id->type != JSON_STRING && id->type != JSON_NUMBER) || text == NULL || length > ID_MAX) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static void run(struct websocket *websocket, const struct json *tree)
{
    char id[ID_SIZE];
    const char *type = NULL;
    if (!read_id(websocket, tree, id)) {
        send_field_error(websocket, "", "id", "must be a text or a number of at most 64 characters");
        return;
    }
    const struct client_message message = {.tree = tree, .id = id};
    if (!json_get_text(tree, "type", &type)) {
        send_field_error(websocket, id, "type", "is required");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].type, type) == 0) {
            run_command(websocket, &commands[i], &message);
            return;
        }
    }
    send_field_error(websocket, id, "type", "must be auth, subscribe, unsubscribe, bid, proxy or ping");
}

static void take(struct websocket *websocket, const void *bytes, size_t length)
{
    const char *reason = NULL;
    struct json *tree = json_parse(bytes, length, &reason);
    if (tree == NULL || tree->type != JSON_OBJECT) {
        send_field_error(websocket, "", "message", tree == NULL && reason != NULL ? reason : "must be a JSON object");
    } else {
        run(websocket, tree);
    }
    json_free(tree);
}

static void begin(struct websocket *websocket)
{
    const struct request_user user = websocket->user;
    TAILQ_INIT(&client_of(websocket)->subscriptions);
    TAILQ_INIT(&client_of(websocket)->bid_requests);
    if (user.via != REQUEST_GUEST && !enter(websocket, &user)) {
        log_error("no memory for a connected user: treated as a guest");
    }
}

static void end(struct websocket *websocket)
{
    struct subscription *next = NULL;
    struct bid_request *next_transport = NULL;
    for (struct subscription *each = TAILQ_FIRST(&client_of(websocket)->subscriptions); each != NULL; each = next) {
        next = TAILQ_NEXT(each, list);
        subscription_free(each);
    }
    for (struct bid_request *each = TAILQ_FIRST(&client_of(websocket)->bid_requests); each != NULL;
         each = next_transport) {
        next_transport = TAILQ_NEXT(each, list);
        transport_free(each);
    }
    if (client_of(websocket)->auth_check != NULL) {
        client_of(websocket)->auth_check->websocket = NULL;
    }
    presence_remove(websocket->live->presences, &client_of(websocket)->presence);
}

static const struct websocket_kind kind = {
    .size = sizeof(struct client), .begin = begin, .take = take, .ready = catch_up, .end = end};

static void handle_upgrade(struct request *request)
{
    websocket_upgrade(request->context, request, &kind);
}

const struct route commands_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/ws", handle_upgrade, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
