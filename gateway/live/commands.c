/*
 * See commands.h.
 */
#include "gateway/live/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "gateway/access/session.h"
#include "gateway/live/bid_commands.h"
#include "gateway/live/command.h"
#include "gateway/live/live.h"
#include "gateway/live/live_metrics.h"
#include "gateway/live/watch.h"

enum {
    ANSWERS_MAX = 8, /* commands `subscribe` for one auction that wait for its state; further ones are refused */
    RETRY_S = 1,     /* until a user with as many live connections as allowed may try again */
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
    char id[COMMAND_ID_SIZE]; /* of the command */
    STAILQ_ENTRY(waiting_answer) list;
};

/* A running check of credentials. */
struct auth_check {
    struct websocket *websocket; /* NULL: the client has disconnected */
    struct request_user user;
    char id[COMMAND_ID_SIZE];
};

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
        command_error(subscription->websocket, ERROR_UNAVAILABLE, id, &subscription->auction_id);
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
        command_error(websocket, reason, "", &subscription->auction_id);
    }
    while ((answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        command_error(websocket, reason, answer->id, &subscription->auction_id);
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
        command_error_with(websocket, ERROR_TOO_MANY_SUBSCRIPTIONS, id, auction,
                           parameter_number("max", websocket->live->config->live_subscriptions_max));
        return;
    }
    struct subscription *subscription = subscription_make(websocket, auction);
    if (subscription == NULL) {
        command_error(websocket, ERROR_UNAVAILABLE, id, auction);
    } else if (!push_answer(subscription, id)) {
        subscription_free(subscription);
    } else if (!watch_add(websocket->live->watches, &subscription->watcher, auction)) {
        on_refused(&subscription->watcher, ERROR_UNAVAILABLE);
    }
}

/* A repeated subscribe requests a snapshot. It waits with the former ones, which are answered by the same state. */
static void do_subscribe(struct websocket *websocket, const struct client_message *command)
{
    struct uuid auction;
    if (!command_read_auction(websocket, command, &auction)) {
        return;
    }
    struct subscription *subscription = find_subscription(websocket, &auction);
    if (subscription != NULL && subscription->answer_count > 0) {
        (void)push_answer(subscription, command->id);
        return;
    }
    if (subscription != NULL) {
        subscription_free(subscription);
    }
    add_subscription(websocket, &auction, command->id);
}

static void send_unsubscribed(struct websocket *websocket, const struct uuid *auction, const char *id)
{
    struct jsonw *json = command_answer(websocket, "unsubscribed", id);
    jsonw_put_uuid(json, "auctionId", auction);
    command_send(websocket);
}

/* It overtakes each subscribe that still waits for the state; their answer is that there is no subscription. */
static void do_unsubscribe(struct websocket *websocket, const struct client_message *command)
{
    struct uuid auction;
    if (!command_read_auction(websocket, command, &auction)) {
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
    send_unsubscribed(websocket, &auction, command->id);
}

/* ---- users ---- */

/* A bid may be decided before the broker's confirm: its answer is still sent first. */
static void on_notified(struct presence *presence, const struct uuid *auction, struct text *text)
{
    struct websocket *websocket = presence->owner;
    if (!bid_commands_hold(websocket, auction, text)) {
        websocket_send(websocket, text);
    }
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
    client_of(websocket)->presence =
        (struct presence){.notified = on_notified, .ended = on_user_ended, .owner = websocket};
    if (!stream_count_user(&websocket->stream, &user->id)) {
        return ERROR_RATE_LIMITED;
    }
    if (!presence_add(websocket->live->presences, &client_of(websocket)->presence, user)) {
        return ERROR_UNAVAILABLE;
    }
    websocket->user = *user;
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
            command_error_with(websocket, reason, auth_check->id, NULL, parameter_number("retryAfter", RETRY_S));
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
    {"subscribe", do_subscribe, {"auctionId"}},
    {"unsubscribe", do_unsubscribe, {"auctionId"}},
    {"bid", bid_commands_bid, {"auctionId", "amount", "idempotencyKey", "receipt"}},
    {"proxy", bid_commands_proxy, {"auctionId", "maxAmount", "withdraw", "idempotencyKey", "receipt"}},
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
    command_field_error_with(websocket, id, "type", FIELD_UNKNOWN_VALUE,
                             parameter_words("allowed", "auth subscribe unsubscribe bid proxy ping"));
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
    TAILQ_INIT(&client_of(websocket)->subscriptions);
    TAILQ_INIT(&client_of(websocket)->bid_requests);
    if (user.via != REQUEST_GUEST && enter(websocket, &user) != ERROR_COUNT) {
        log_error("no memory for a connected user: treated as a guest"); /* stream_admit has counted the user */
    }
}

static void end(struct websocket *websocket)
{
    struct subscription *next = NULL;
    for (struct subscription *each = TAILQ_FIRST(&client_of(websocket)->subscriptions); each != NULL; each = next) {
        next = TAILQ_NEXT(each, list);
        subscription_free(each);
    }
    bid_commands_end(websocket);
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
