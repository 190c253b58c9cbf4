/*
 * See bid_commands.h.
 */
#include "gateway/live/bid_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/dispatch.h"
#include "gateway/access/session.h"
#include "gateway/bid/bids.h"
#include "gateway/http/request.h"
#include "gateway/live/live.h"
#include "gateway/submit/waiters.h"

enum {
    HELD_MAX = 4, /* live messages held back between a bid's decision and its answer; further ones are sent at once */
    RESULT_WAIT_MS = 60000, /* for the decision on an accepted bid; after that only Redis may deliver it, or GET */
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
    char id[COMMAND_ID_SIZE];
    TAILQ_ENTRY(bid_request) list;
};

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
                             ? command_error_begin(websocket, errors_of_reason(decision->reason), bid_request->id)
                             : command_answer(websocket, "proxy_withdrawn", bid_request->id);
    jsonw_put_uuid(json, "auctionId", &bid_request->auction_id);
    jsonw_put_uuid(json, "bidId", &decision->bid_id);
    command_send(websocket);
}

/*
 * Notifies all connections of the bidder, including this one. Of a withdrawal the others learn nothing, as over HTTP.
 * Without a decision in time it only frees the bid.
 */
static void on_decided(struct waiter *waiter, const union submit_decision *decision)
{
    struct bid_request *bid_request = waiter->arg;
    if (decision != NULL && bid_request->withdraws) {
        send_withdrawn(bid_request, &decision->bid);
    } else if (decision != NULL) {
        presences_decided(bid_request->websocket->live->presences, &decision->bid);
    }
    transport_free(bid_request);
}

/* Redis may lose the decision, so the waiter also queries the ledger. */
static void wait_for_decision(struct bid_request *bid_request, const struct json *answer)
{
    struct waiter *waiter = &bid_request->waiter;
    *waiter = (struct waiter){
        .ids.subject = bid_request->auction_id,
        .until_ms = clock_mono_ms() + RESULT_WAIT_MS,
        .done = on_decided,
        .arg = bid_request,
    };
    if (json_get_uuid(answer, "bidId", &waiter->ids.id)) {
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
    struct jsonw *json = command_answer(websocket, type_of_status(status), bid_request->id);
    jsonw_put_uuid(json, "auctionId", &bid_request->auction_id);
    if (answer != NULL) {
        put_members(json, answer);
    }
    command_send(websocket);
    release_held(bid_request);
    if (status == 202) {
        wait_for_decision(bid_request, answer);
    } else {
        transport_free(bid_request);
    }
    json_free(answer);
}

/* A command that a route of bids.h handles. */
struct bid_kind {
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

static struct bid_request *make_transport(struct websocket *websocket, const struct client_message *command,
                                          const struct uuid *auction, const struct json *key)
{
    struct bid_request *bid_request = calloc(1, sizeof(*bid_request));
    if (bid_request == NULL) {
        return NULL;
    }
    *bid_request = (struct bid_request){
        .transport = {.answered = on_bid_answered}, .websocket = websocket, .auction_id = *auction, .key = NULL};
    (void)snprintf(bid_request->id, sizeof(bid_request->id), "%s", command->id);
    TAILQ_INSERT_TAIL(&client_of(websocket)->bid_requests, bid_request, list);
    if (key != NULL) {
        bid_request->key = strndup(key->text, key->length);
        bid_request->transport.idempotency_key = bid_request->key;
    }
    bool receipt = false;
    if (json_get_bool(command->tree, "receipt", &receipt) && receipt) {
        bid_request->transport.prefer = "receipt";
    }
    if (key != NULL && bid_request->key == NULL) {
        transport_free(bid_request);
        return NULL;
    }
    return bid_request;
}

static void pass_to_route(struct websocket *websocket, const struct client_message *command, const struct uuid *auction,
                          const struct json *key, const struct bid_kind *kind)
{
    const struct json *amount = kind->name == NULL ? NULL : json_member(command->tree, kind->name);
    struct bid_request *bid_request = make_transport(websocket, command, auction, key);
    struct json *body = bid_request == NULL ? NULL : make_body(websocket, kind->name, amount);
    const struct dispatch_transport from = {
        .route = &bids_routes[kind->route],
        .context = websocket->live->bids,
        .parameter = *auction,
        .body = body,
        .user = &websocket->user,
        .address = websocket->address,
        .transport = bid_request == NULL ? NULL : &bid_request->transport,
    };
    if (bid_request != NULL) {
        bid_request->withdraws = kind->route == BIDS_WITHDRAW;
    }
    if (body == NULL || !dispatch_by_transport(websocket->live->dispatch, &from)) {
        if (bid_request != NULL) {
            transport_free(bid_request);
        }
        command_error(websocket, ERROR_UNAVAILABLE, command->id, auction);
    }
}

/* Checks what HTTP checks before a handler: credentials, and the form of the key. */
static void run_bid_command(struct websocket *websocket, const struct client_message *command,
                            const struct bid_kind *kind)
{
    struct uuid auction;
    const struct json *key = json_member(command->tree, "idempotencyKey");
    if (!command_read_id(websocket, command, "auctionId", &auction)) {
        return;
    }
    if (websocket->user.unchecked) {
        command_error(websocket, ERROR_UNAVAILABLE, command->id, &auction);
    } else if (websocket->user.via == REQUEST_GUEST || session_expired(&websocket->user)) {
        command_error(websocket, ERROR_UNAUTHORIZED, command->id, &auction);
    } else if (key != NULL && key->type != JSON_STRING && key->type != JSON_NULL) {
        command_field_error(websocket, command->id, "idempotencyKey", FIELD_NOT_A_STRING);
    } else {
        pass_to_route(websocket, command, &auction, key != NULL && key->type == JSON_STRING ? key : NULL, kind);
    }
}

void bid_commands_bid(struct websocket *websocket, const struct client_message *command)
{
    static const struct bid_kind bid = {BIDS_PLACE, "amount"};
    run_bid_command(websocket, command, &bid);
}

/*
 * Sets a maximum (POST proxy), or withdraws it (DELETE proxy). A maximum of null does not withdraw: a client that
 * computes one wrongly sends null as well.
 */
void bid_commands_proxy(struct websocket *websocket, const struct client_message *command)
{
    static const struct bid_kind set = {BIDS_PROXY, "maxAmount"};
    static const struct bid_kind withdrawal = {BIDS_WITHDRAW, NULL};
    static const char *const with_maximum[] = {"maxAmount", "idempotencyKey", "receipt"};
    bool withdraw = false;
    if (json_member(command->tree, "withdraw") == NULL) {
        run_bid_command(websocket, command, &set);
        return;
    }
    if (!json_get_bool(command->tree, "withdraw", &withdraw) || !withdraw) {
        command_field_error_with(websocket, command->id, "withdraw", FIELD_UNKNOWN_VALUE,
                                 parameter_words("allowed", "true"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(with_maximum); i++) {
        if (json_member(command->tree, with_maximum[i]) != NULL) {
            command_field_error_with(websocket, command->id, with_maximum[i], FIELD_EXCLUDED,
                                     parameter_word("other", "withdraw"));
            return;
        }
    }
    run_bid_command(websocket, command, &withdrawal);
}

bool bid_commands_hold(struct websocket *websocket, const struct uuid *auction, struct text *text)
{
    struct bid_request *bid_request = NULL;
    TAILQ_FOREACH(bid_request, &client_of(websocket)->bid_requests, list)
    {
        if (bid_request->transport.request != NULL && uuid_equal(&bid_request->auction_id, auction) &&
            bid_request->held_count < HELD_MAX) {
            bid_request->held[bid_request->held_count++] = text_ref(text);
            return true;
        }
    }
    return false;
}

void bid_commands_end(struct websocket *websocket)
{
    struct bid_request *next = NULL;
    for (struct bid_request *each = TAILQ_FIRST(&client_of(websocket)->bid_requests); each != NULL; each = next) {
        next = TAILQ_NEXT(each, list);
        transport_free(each);
    }
}
