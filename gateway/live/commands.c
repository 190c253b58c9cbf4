/*
 * See commands.h.
 */
#include "gateway/live/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "gateway/access/session.h"
#include "gateway/live/command.h"
#include "gateway/live/live.h"
#include "gateway/live/positions.h"
#include "gateway/live/routed_commands.h"
#include "gateway/live/subscriptions.h"

enum {
    RETRY_S = 1, /* until a user with as many live connections as allowed may try again */
};

/* A running check of credentials. */
struct auth_check {
    struct websocket *websocket; /* NULL: the client has disconnected */
    struct request_user user;
    char id[COMMAND_ID_SIZE];
};

/* ---- users ---- */

/* A command may be decided before the broker's confirm: its answer is still sent first. */
static void notify(struct websocket *websocket, const struct uuid *about, struct text *text)
{
    if (!routed_commands_hold(websocket, about, text)) {
        websocket_send(websocket, text);
    }
}

static void on_notified(struct presence *presence, const struct uuid *about, struct text *text)
{
    notify(presence->owner, about, text);
}

static void on_sale_decided(struct presence *presence, const struct sale_message_decision *decision, struct text *order)
{
    if (order != NULL) {
        on_notified(presence, &decision->sale_id, order);
    }
    subscriptions_decided(presence->owner, decision);
}

static void on_user_ended(struct presence *presence, enum error_code reason)
{
    if (session_expired(&presence->user)) {
        websocket_close(presence->owner, WEBSOCKET_EXPIRED, "expired");
    } else {
        websocket_close(presence->owner, WEBSOCKET_POLICY, reason == ERROR_USER_BANNED ? "banned" : "session ended");
    }
}

/* ERROR_COUNT: the client acts as this user now; else as a guest. */
static enum error_code enter(struct websocket *websocket, const struct request_user *user)
{
    presence_remove(websocket->live->presences, &client_of(websocket)->presence);
    websocket->user = (struct request_user){.via = REQUEST_GUEST};
    subscriptions_follow(websocket); /* no places of the user before */
    client_of(websocket)->presence = (struct presence){
        .notified = on_notified, .sale_decided = on_sale_decided, .ended = on_user_ended, .owner = websocket};
    if (!stream_count_user(&websocket->stream, &user->id)) {
        return ERROR_RATE_LIMITED;
    }
    if (!presence_add(websocket->live->presences, &client_of(websocket)->presence, user)) {
        return ERROR_UNAVAILABLE;
    }
    websocket->user = *user;
    subscriptions_follow(websocket);
    return ERROR_COUNT;
}

static void on_auth_checked(enum error_code reason, int64_t ends_ms, void *arg)
{
    struct auth_check *auth_check = arg;
    struct websocket *websocket = auth_check->websocket;
    if (websocket != NULL) {
        client_of(websocket)->auth_check = NULL;
        if (reason == ERROR_COUNT) {
            auth_check->user.ends_ms = ends_ms;
            reason = enter(websocket, &auth_check->user);
        }
        if (reason == ERROR_COUNT) {
            struct jsonw *json = command_answer(websocket, "authenticated", auth_check->id);
            jsonw_put_uuid(json, "userId", &auth_check->user.id);
            command_send(websocket);
        } else if (reason == ERROR_RATE_LIMITED) {
            command_error_with_about(websocket, reason, auth_check->id, NULL, NULL,
                                     parameter_number("retryAfter", RETRY_S));
        } else {
            command_error(websocket, reason, auth_check->id, NULL);
        }
        if (reason == ERROR_USER_BANNED) {
            websocket_close(websocket, WEBSOCKET_POLICY, "banned");
        }
    }
    free(auth_check);
}

static void do_auth(struct websocket *websocket, const struct client_message *command)
{
    struct request_user user = {.via = REQUEST_GUEST};
    const struct json *token = command_read_text(websocket, command, "token");
    if (token == NULL) {
        return;
    }
    enum session_reading reading = session_read_token(websocket->live->deployment, token->text, &user);
    if (reading != SESSION_READ) {
        command_error(websocket, reading == SESSION_UNKNOWN ? ERROR_UNAVAILABLE : ERROR_UNAUTHORIZED, command->id,
                      NULL);
        return;
    }
    struct auth_check *auth_check = client_of(websocket)->auth_check == NULL ? calloc(1, sizeof(*auth_check)) : NULL;
    if (auth_check == NULL) {
        command_error(websocket, ERROR_UNAVAILABLE, command->id, NULL); /* only one check at a time */
        return;
    }
    *auth_check = (struct auth_check){.websocket = websocket, .user = user};
    (void)snprintf(auth_check->id, sizeof(auth_check->id), "%s", command->id);
    client_of(websocket)->auth_check = auth_check;
    presence_check(websocket->live->access, &user, on_auth_checked, auth_check);
}

/* ---- ping ---- */

static void do_ping(struct websocket *websocket, const struct client_message *command)
{
    (void)command_answer(websocket, "pong", command->id);
    command_send(websocket);
}

/* ---- table of commands ---- */

enum { MEMBERS_MAX = 5 };

static const struct command_entry {
    const char *type;
    void (*run)(struct websocket *websocket, const struct client_message *command);
    const char *members[MEMBERS_MAX]; /* besides type and id */
} commands[] = {
    {"subscribe", subscriptions_subscribe, {"auctionId"}},
    {"unsubscribe", subscriptions_unsubscribe, {"auctionId"}},
    {"inventory:watch", subscriptions_watch, {"flashSaleId"}},
    {"inventory:unwatch", subscriptions_unwatch, {"flashSaleId"}},
    {"bid", routed_commands_bid, {"auctionId", "amount", "idempotencyKey", "receipt"}},
    {"proxy", routed_commands_proxy, {"auctionId", "maxAmount", "withdraw", "idempotencyKey", "receipt"}},
    {"queue:join", routed_commands_join, {"flashSaleId", "quantity", "idempotencyKey"}},
    {"queue:leave", routed_commands_leave, {"flashSaleId", "idempotencyKey"}},
    {"ping", do_ping, {NULL}},
    {"auth", do_auth, {"token"}},
};

static bool is_member(const struct command_entry *entry, const char *name)
{
    bool known = strcmp(name, "type") == 0 || strcmp(name, "id") == 0;
    for (size_t i = 0; i < MEMBERS_MAX && entry->members[i] != NULL; i++) {
        known = known || strcmp(name, entry->members[i]) == 0;
    }
    return known;
}

/* Unknown members are refused, as over HTTP: ignoring one would ignore the client's intent. */
static void run_command(struct websocket *websocket, const struct command_entry *entry,
                        const struct client_message *command)
{
    for (const struct json *member = command->tree->child; member != NULL; member = member->next) {
        if (!is_member(entry, member->name)) {
            command_field_error(websocket, command->id, member->name, FIELD_UNKNOWN_FIELD);
            return;
        }
    }
    entry->run(websocket, command);
}

/* The id as JSON: a short string or number. False: it is neither. */
static bool read_id(struct websocket *websocket, const struct json *tree, char out[static COMMAND_ID_SIZE])
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
    if ((id->type != JSON_STRING && id->type != JSON_NUMBER) || text == NULL || length > COMMAND_ID_MAX) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static void run(struct websocket *websocket, const struct json *tree)
{
    char id[COMMAND_ID_SIZE];
    if (!read_id(websocket, tree, id)) {
        command_field_error_with(websocket, "", "id", FIELD_INVALID_ID, parameter_number("max", COMMAND_ID_MAX));
        return;
    }
    const struct client_message command = {.tree = tree, .id = id};
    const struct json *type = command_read_text(websocket, &command, "type");
    if (type == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].type, type->text) == 0) {
            run_command(websocket, &commands[i], &command);
            return;
        }
    }
    command_field_error_with(
        websocket, id, "type", FIELD_UNKNOWN_VALUE,
        parameter_words("allowed", "auth subscribe unsubscribe inventory:watch inventory:unwatch bid proxy queue:join"
                                   " queue:leave ping"));
}

static void take(struct websocket *websocket, const void *bytes, size_t length)
{
    const char *reason = NULL;
    struct json *tree = json_parse(bytes, length, &reason);
    if (tree == NULL) {
        command_field_error_with(websocket, "", "message", FIELD_INVALID_JSON, parameter_word("detail", reason));
    } else if (tree->type != JSON_OBJECT) {
        command_field_error(websocket, "", "message", FIELD_NOT_AN_OBJECT);
    } else {
        run(websocket, tree);
    }
    json_free(tree);
}

static void begin(struct websocket *websocket)
{
    const struct request_user user = websocket->user;
    subscriptions_begin(websocket);
    client_of(websocket)->notify = notify;
    TAILQ_INIT(&client_of(websocket)->routed_commands);
    if (user.via != REQUEST_GUEST && enter(websocket, &user) != ERROR_COUNT) {
        log_error("no memory for a connected user: treated as a guest"); /* stream_admit has counted the user */
    }
}

static void end(struct websocket *websocket)
{
    subscriptions_end(websocket);
    routed_commands_end(websocket);
    if (client_of(websocket)->auth_check != NULL) {
        client_of(websocket)->auth_check->websocket = NULL;
    }
    presence_remove(websocket->live->presences, &client_of(websocket)->presence);
}

static const struct websocket_kind kind = {
    .size = sizeof(struct client), .begin = begin, .take = take, .ready = subscriptions_catch_up, .end = end};

static void handle_upgrade(struct request *request)
{
    websocket_upgrade(request->context, request, &kind);
}

const struct route commands_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/ws", handle_upgrade, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
