/*
 * See routed_commands.h.
 */
#include "gateway/live/routed_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/dispatch.h"
#include "gateway/access/session.h"
#include "gateway/bid/bids.h"
#include "gateway/http/request.h"
#include "gateway/live/live.h"
#include "gateway/live/subscriptions.h"
#include "gateway/sale/sale_commands.h"
#include "gateway/submit/waiters.h"

enum {
    HELD_MAX =
        4, /* live messages held back between a command's decision and its answer; further ones are sent at once */
    RESULT_WAIT_MS = 60000, /* for the decision on an accepted command; after that only Redis may deliver it, or GET */
    COPIED_MAX = 2,
    QUERY_SIZE = sizeof("flashSaleId=") + UUID_TEXT_SIZE,
};

struct routed_command;

/* A command that a route handles. */
struct routed_kind {
    const struct route *route;
    const char *subject;            /* name of the id of the auction or sale */
    const char *copied[COPIED_MAX]; /* members of the command that are those of the body */
    const char *pending;            /* type of the answer 202 */
    const char *done;               /* type of the answers 200 and 204 */
    const char *id;                 /* name of the queued command's id in the answer 202 */
    void (*decided)(struct routed_command *routed_command, const union submit_decision *decision); /* after a 202 */
    bool of_sale;
    bool in_query; /* the route takes the sale in the query */
    bool watches;  /* begins to watch the sale */
};

/* A command from this client, until its decision. */
struct routed_command {
    struct request_transport transport; /* first */
    const struct routed_kind *kind;
    struct websocket *websocket;
    struct uuid subject;         /* the auction or sale */
    char query[QUERY_SIZE];      /* of a kind that is `in_query` */
    char *key;                   /* NULL: none */
    struct waiter waiter;        /* for the decision, should Redis lose it */
    struct text *held[HELD_MAX]; /* messages that arrived before the answer and follow it */
    size_t held_count;
    char id[COMMAND_ID_SIZE];
    TAILQ_ENTRY(routed_command) list;
};

static void release_held(struct routed_command *routed_command)
{
    for (size_t i = 0; i < routed_command->held_count; i++) {
        websocket_send(routed_command->websocket, routed_command->held[i]);
        text_unref(routed_command->held[i]);
    }
    routed_command->held_count = 0;
}

static struct waiters *waiters_of(const struct routed_command *routed_command)
{
    const struct live_context *live = routed_command->websocket->live;
    return routed_command->kind->of_sale ? live->sale_waiters : live->waiters;
}

static void transport_free(struct routed_command *routed_command)
{
    request_leave(&routed_command->transport);
    waiters_remove(waiters_of(routed_command), &routed_command->waiter);
    TAILQ_REMOVE(&client_of(routed_command->websocket)->routed_commands, routed_command, list);
    release_held(routed_command);
    free(routed_command->key);
    free(routed_command);
}

/* Appends the members of an object, except the id of the auction or sale. */
static void put_members(struct jsonw *json, const struct json *object, const char *subject)
{
    for (const struct json *member = object->child; member != NULL; member = member->next) {
        if (strcmp(member->name, subject) != 0) {
            jsonw_name(json, member->name);
            jsonw_value(json, member);
        }
    }
}

/* Notifies all connections of the bidder, including this one. */
static void notify_bidder(struct routed_command *routed_command, const union submit_decision *decision)
{
    presences_decided(routed_command->websocket->live->presences, &decision->bid);
}

/*
 * A decision that came after `bid_pending`; the answer to a withdrawal that is decided in time has no bidId. The
 * others learn nothing of it, as over HTTP.
 */
static void send_withdrawn(struct routed_command *routed_command, const union submit_decision *decision)
{
    struct websocket *websocket = routed_command->websocket;
    const struct decision *bid = &decision->bid;
    struct jsonw *json = bid->status == BID_REJECTED
                             ? command_error_begin(websocket, errors_of_reason(bid->reason), routed_command->id)
                             : command_answer(websocket, "proxy_withdrawn", routed_command->id);
    jsonw_put_uuid(json, "auctionId", &routed_command->subject);
    jsonw_put_uuid(json, "bidId", &bid->bid_id);
    command_send(websocket);
}

/* The place itself changes by messages to all connections of the user (positions.h). */
static void send_sale_decision(struct routed_command *routed_command, const union submit_decision *decision)
{
    struct websocket *websocket = routed_command->websocket;
    const struct sale_message_decision *sale = &decision->sale;
    bool rejected = sale->verdict == SALE_VERDICT_REJECTED;
    struct jsonw *json = rejected
                             ? command_error_begin(websocket, errors_of_sale_reason(sale->reason), routed_command->id)
                             : command_answer(websocket, routed_command->kind->done, routed_command->id);
    jsonw_put_uuid(json, "flashSaleId", &routed_command->subject);
    if (sale->kind == SALE_COMMAND_JOIN && !rejected) {
        sale_commands_put_entry(json, sale);
    }
    command_send(websocket);
}

/* Without a decision in time it only frees the command. */
static void on_decided(struct waiter *waiter, const union submit_decision *decision)
{
    struct routed_command *routed_command = waiter->arg;
    if (decision != NULL) {
        routed_command->kind->decided(routed_command, decision);
    }
    transport_free(routed_command);
}

/* Redis may lose the decision, so the waiter also queries the ledger. */
static void wait_for_decision(struct routed_command *routed_command, const struct json *answer)
{
    struct waiter *waiter = &routed_command->waiter;
    *waiter = (struct waiter){
        .ids.subject = routed_command->subject,
        .until_ms = clock_mono_ms() + RESULT_WAIT_MS,
        .done = on_decided,
        .arg = routed_command,
    };
    if (json_get_uuid(answer, routed_command->kind->id, &waiter->ids.id)) {
        waiters_add(waiters_of(routed_command), waiter);
    } else {
        transport_free(routed_command);
    }
}

static const char *type_of_status(const struct routed_kind *kind, int status)
{
    switch (status) {
    case 200:
    case 204:
        return kind->done;
    case 202:
        return kind->pending;
    default:
        return "error";
    }
}

/* Converts the answer over HTTP. It is parsed first, because the same writer holds it. A 204 has no body. */
static void on_answered(struct request_transport *transport, int status, const char *text, size_t length)
{
    struct routed_command *routed_command = (struct routed_command *)transport;
    const struct routed_kind *kind = routed_command->kind;
    struct websocket *websocket = routed_command->websocket;
    struct json *answer = length == 0 ? NULL : json_parse(text, length, NULL);
    struct jsonw *json = command_answer(websocket, type_of_status(kind, status), routed_command->id);
    jsonw_put_uuid(json, kind->subject, &routed_command->subject);
    if (answer != NULL) {
        put_members(json, answer, kind->subject);
    }
    command_send(websocket);
    release_held(routed_command);
    if (kind->watches && (status == 200 || status == 202)) {
        subscriptions_join(websocket, &routed_command->subject);
    }
    if (status == 202) {
        wait_for_decision(routed_command, answer);
    } else {
        transport_free(routed_command);
    }
    json_free(answer);
}

/* The body for the route; NULL without memory. */
static struct json *make_body(struct websocket *websocket, const struct client_message *command,
                              const struct routed_kind *kind)
{
    struct jsonw *json = websocket->live->json;
    size_t length = 0;
    jsonw_reset(json);
    jsonw_object(json);
    for (size_t i = 0; i < COPIED_MAX && kind->copied[i] != NULL; i++) {
        const struct json *member = json_member(command->tree, kind->copied[i]);
        if (member != NULL) {
            jsonw_name(json, kind->copied[i]);
            jsonw_value(json, member);
        }
    }
    jsonw_end_object(json);
    const char *text = jsonw_text(json, &length);
    return text == NULL ? NULL : json_parse(text, length, NULL);
}

static struct routed_command *make_transport(struct websocket *websocket, const struct client_message *command,
                                             const struct uuid *subject, const struct json *key,
                                             const struct routed_kind *kind)
{
    struct routed_command *routed_command = calloc(1, sizeof(*routed_command));
    if (routed_command == NULL) {
        return NULL;
    }
    *routed_command = (struct routed_command){
        .transport = {.answered = on_answered}, .kind = kind, .websocket = websocket, .subject = *subject};
    (void)snprintf(routed_command->id, sizeof(routed_command->id), "%s", command->id);
    TAILQ_INSERT_TAIL(&client_of(websocket)->routed_commands, routed_command, list);
    if (kind->in_query) {
        char sale[UUID_TEXT_SIZE];
        uuid_format(subject, sale);
        (void)snprintf(routed_command->query, sizeof(routed_command->query), "%s=%s", kind->subject, sale);
        routed_command->transport.query = routed_command->query;
    }
    if (key != NULL) {
        routed_command->key = strndup(key->text, key->length);
        routed_command->transport.idempotency_key = routed_command->key;
    }
    bool receipt = false;
    if (json_get_bool(command->tree, "receipt", &receipt) && receipt) {
        routed_command->transport.prefer = "receipt";
    }
    if (key != NULL && routed_command->key == NULL) {
        transport_free(routed_command);
        return NULL;
    }
    return routed_command;
}

static void pass_to_route(struct websocket *websocket, const struct client_message *command, const struct uuid *subject,
                          const struct json *key, const struct routed_kind *kind)
{
    struct routed_command *routed_command = make_transport(websocket, command, subject, key, kind);
    struct json *body = routed_command == NULL ? NULL : make_body(websocket, command, kind);
    const struct dispatch_transport from = {
        .route = kind->route,
        .context = kind->of_sale ? (void *)websocket->live->sale_commands : (void *)websocket->live->bids,
        .parameter = *subject,
        .body = body,
        .user = &websocket->user,
        .address = websocket->address,
        .transport = routed_command == NULL ? NULL : &routed_command->transport,
    };
    if (body == NULL || !dispatch_by_transport(websocket->live->dispatch, &from)) {
        if (routed_command != NULL) {
            transport_free(routed_command);
        }
        command_error_about(websocket, ERROR_UNAVAILABLE, command->id, kind->subject, subject);
    }
}

/* Checks what HTTP checks before a handler: credentials, and the form of the key. */
static void run_command(struct websocket *websocket, const struct client_message *command,
                        const struct routed_kind *kind)
{
    struct uuid subject;
    const struct json *key = json_member(command->tree, "idempotencyKey");
    if (!command_read_id(websocket, command, kind->subject, &subject)) {
        return;
    }
    if (websocket->user.unchecked) {
        command_error_about(websocket, ERROR_UNAVAILABLE, command->id, kind->subject, &subject);
    } else if (websocket->user.via == REQUEST_GUEST || session_expired(&websocket->user)) {
        command_error_about(websocket, ERROR_UNAUTHORIZED, command->id, kind->subject, &subject);
    } else if (key != NULL && key->type != JSON_STRING && key->type != JSON_NULL) {
        command_field_error(websocket, command->id, "idempotencyKey", FIELD_NOT_A_STRING);
    } else if (!kind->watches || subscriptions_may_join(websocket, &subject, command->id)) {
        pass_to_route(websocket, command, &subject, key != NULL && key->type == JSON_STRING ? key : NULL, kind);
    }
}

#define OF_BID   .subject = "auctionId", .pending = "bid_pending", .id = "bidId"
#define OF_QUEUE .subject = "flashSaleId", .pending = "queue:pending", .decided = send_sale_decision, .of_sale = true

void routed_commands_bid(struct websocket *websocket, const struct client_message *command)
{
    static const struct routed_kind bid = {OF_BID, .route = &bids_routes[BIDS_PLACE], .copied = {"amount"},
                                           .done = "bid_result", .decided = notify_bidder};
    run_command(websocket, command, &bid);
}

void routed_commands_join(struct websocket *websocket, const struct client_message *command)
{
    static const struct routed_kind join = {OF_QUEUE,
                                            .route = &sale_commands_routes[SALE_COMMANDS_JOIN],
                                            .copied = {"flashSaleId", "quantity"},
                                            .done = "queue:joined",
                                            .id = "entryId",
                                            .watches = true};
    run_command(websocket, command, &join);
}

void routed_commands_leave(struct websocket *websocket, const struct client_message *command)
{
    static const struct routed_kind leave = {OF_QUEUE, .route = &sale_commands_routes[SALE_COMMANDS_LEAVE],
                                             .done = "queue:left", .id = "commandId", .in_query = true};
    run_command(websocket, command, &leave);
}

/*
 * Sets a maximum (POST proxy), or withdraws it (DELETE proxy). A maximum of null does not withdraw: a client that
 * computes one wrongly sends null as well.
 */
void routed_commands_proxy(struct websocket *websocket, const struct client_message *command)
{
    static const struct routed_kind set = {OF_BID, .route = &bids_routes[BIDS_PROXY], .copied = {"maxAmount"},
                                           .done = "bid_result", .decided = notify_bidder};
    static const struct routed_kind withdrawal = {OF_BID, .route = &bids_routes[BIDS_WITHDRAW],
                                                  .done = "proxy_withdrawn", .decided = send_withdrawn};
    static const char *const with_maximum[] = {"maxAmount", "idempotencyKey", "receipt"};
    bool withdraw = false;
    if (json_member(command->tree, "withdraw") == NULL) {
        run_command(websocket, command, &set);
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
    run_command(websocket, command, &withdrawal);
}

bool routed_commands_hold(struct websocket *websocket, const struct uuid *subject, struct text *text)
{
    struct routed_command *routed_command = NULL;
    TAILQ_FOREACH(routed_command, &client_of(websocket)->routed_commands, list)
    {
        if (routed_command->transport.request != NULL && uuid_equal(&routed_command->subject, subject) &&
            routed_command->held_count < HELD_MAX) {
            routed_command->held[routed_command->held_count++] = text_ref(text);
            return true;
        }
    }
    return false;
}

void routed_commands_end(struct websocket *websocket)
{
    struct routed_command *next = NULL;
    for (struct routed_command *each = TAILQ_FIRST(&client_of(websocket)->routed_commands); each != NULL; each = next) {
        next = TAILQ_NEXT(each, list);
        transport_free(each);
    }
}
