/*
 * See subscriptions.h.
 */
#include "gateway/live/subscriptions.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/live/live.h"
#include "gateway/live/live_metrics.h"
#include "gateway/live/positions.h"

enum {
    ANSWERS_MAX = 8, /* commands for one subscription that wait for its state; further ones are refused */
};

/* A kind of what is watched. */
struct subscription_kind {
    const char *member; /* the name of the id */
    const char *left;   /* the type of the answer to a command that ends the subscription */
    bool of_sale;
};

static const struct subscription_kind auctions = {"auctionId", "unsubscribed", false};
static const struct subscription_kind sales = {"flashSaleId", "inventory:unwatched", true};

/* One auction or sale that the client watches. */
struct subscription {
    struct watcher watcher;
    struct websocket *websocket;
    const struct subscription_kind *kind;
    struct uuid id;
    bool stale;                            /* updates were skipped: the present state must be sent */
    struct own_view *own_view;             /* being read for the answers; NULL: none */
    struct follower follower;              /* of a sale and a user: the place in the line */
    STAILQ_HEAD(, waiting_answer) answers; /* one for each command that is not answered yet */
    size_t answer_count;
    TAILQ_ENTRY(subscription) list;
};

struct waiting_answer {
    char id[COMMAND_ID_SIZE]; /* of the command */
    STAILQ_ENTRY(waiting_answer) list;
};

static void refuse(const struct subscription *subscription, enum error_code code, const char *id)
{
    command_error_about(subscription->websocket, code, id, subscription->kind->member, &subscription->id);
}

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
        refuse(subscription, ERROR_UNAVAILABLE, id);
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
    positions_leave(&subscription->follower);
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
    if (asks && (websocket->user.via == REQUEST_GUEST || subscription->kind->of_sale)) {
        send_answers(subscription, text);
    } else if (asks && subscription->own_view == NULL) {
        const struct own_view_of of = {websocket->user.id, subscription->id, text};
        own_view_read(&websocket->live->own_view, &of, &subscription->own_view, on_own_view, subscription);
    } else if (!asks && stream_is_clear(&websocket->stream)) {
        websocket_send(websocket, text);
    } else {
        subscription->stale = true;
    }
    positions_changed(&subscription->follower);
}

/*
 * A message to the user alone is sent even to a slow client: there is at most one a second. The state precedes it,
 * which may wait for its turn among those of many watchers.
 */
static void on_position(struct follower *follower, struct text *text)
{
    struct subscription *subscription = follower->owner;
    if (subscription->answer_count > 0 && watch_known(&subscription->watcher)) {
        struct text *present = watch_snapshot(&subscription->watcher);
        if (present != NULL) {
            send_answers(subscription, present);
        }
        text_unref(present);
    }
    client_of(subscription->websocket)->notify(subscription->websocket, &subscription->id, text);
}

static void on_refused(struct watcher *watcher, enum error_code reason)
{
    struct subscription *subscription = watcher->owner;
    struct waiting_answer *answer = NULL;
    if (subscription->answer_count == 0) { /* it has ended later */
        refuse(subscription, reason, "");
    }
    while ((answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        refuse(subscription, reason, answer->id);
        pop_answer(subscription, answer);
    }
    subscription_free(subscription);
}

void subscriptions_catch_up(struct websocket *websocket)
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

static struct subscription *find_subscription(struct websocket *websocket, const struct uuid *id)
{
    struct subscription *subscription = NULL;
    TAILQ_FOREACH(subscription, &client_of(websocket)->subscriptions, list)
    {
        if (uuid_equal(&subscription->id, id)) {
            return subscription;
        }
    }
    return NULL;
}

static struct subscription *subscription_make(struct websocket *websocket, const struct subscription_kind *kind,
                                              const struct uuid *id)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription));
    if (subscription != NULL) {
        *subscription = (struct subscription){
            .watcher = {.update = on_update, .refused = on_refused, .owner = subscription},
            .websocket = websocket,
            .kind = kind,
            .id = *id,
            .follower = {.notified = on_position, .owner = subscription},
        };
        STAILQ_INIT(&subscription->answers);
        TAILQ_INSERT_TAIL(&client_of(websocket)->subscriptions, subscription, list);
        client_of(websocket)->subscription_count++;
    }
    return subscription;
}

/* The place of the client's user, if it is a sale and a user. */
static void follow(struct subscription *subscription)
{
    struct websocket *websocket = subscription->websocket;
    positions_leave(&subscription->follower);
    if (subscription->kind->of_sale && websocket->user.via != REQUEST_GUEST) {
        positions_follow(websocket->live->positions, &subscription->follower, &subscription->watcher, &subscription->id,
                         &websocket->user.id);
    }
}

/* False after answering: the client watches as much as it may. */
static bool has_room(struct websocket *websocket, const struct subscription_kind *kind, const struct uuid *id,
                     const char *command_id)
{
    int max = websocket->live->config->live_subscriptions_max;
    if (client_of(websocket)->subscription_count < (size_t)max) {
        return true;
    }
    command_error_with_about(websocket, ERROR_TOO_MANY_SUBSCRIPTIONS, command_id, kind->member, id,
                             parameter_number("max", max));
    return false;
}

/* `command_id` NULL: no command waits for the state, which is sent as an update. */
static void add_subscription(struct websocket *websocket, const struct subscription_kind *kind, const struct uuid *id,
                             const char *command_id)
{
    const struct live_context *live = websocket->live;
    if (!has_room(websocket, kind, id, command_id == NULL ? "" : command_id)) {
        return;
    }
    struct subscription *subscription = subscription_make(websocket, kind, id);
    if (subscription == NULL) {
        command_error_about(websocket, ERROR_UNAVAILABLE, command_id == NULL ? "" : command_id, kind->member, id);
    } else if (command_id != NULL && !push_answer(subscription, command_id)) {
        subscription_free(subscription);
    } else if (!watch_add(kind->of_sale ? live->sale_watches : live->watches, &subscription->watcher, id)) {
        on_refused(&subscription->watcher, ERROR_UNAVAILABLE);
    } else {
        follow(subscription);
    }
}

/* A repeated command requests the state. It waits with the former ones, which are answered by the same state. */
static void subscribe(struct websocket *websocket, const struct client_message *command,
                      const struct subscription_kind *kind)
{
    struct uuid id;
    if (!command_read_id(websocket, command, kind->member, &id)) {
        return;
    }
    struct subscription *subscription = find_subscription(websocket, &id);
    if (subscription != NULL && subscription->answer_count > 0) {
        (void)push_answer(subscription, command->id);
        return;
    }
    if (subscription != NULL) {
        subscription_free(subscription);
    }
    add_subscription(websocket, kind, &id, command->id);
}

static void send_left(struct websocket *websocket, const struct subscription_kind *kind, const struct uuid *id,
                      const char *command_id)
{
    struct jsonw *json = command_answer(websocket, kind->left, command_id);
    jsonw_put_uuid(json, kind->member, id);
    command_send(websocket);
}

/* It overtakes each command that still waits for the state; their answer is that there is no subscription. */
static void unsubscribe(struct websocket *websocket, const struct client_message *command,
                        const struct subscription_kind *kind)
{
    struct uuid id;
    if (!command_read_id(websocket, command, kind->member, &id)) {
        return;
    }
    struct subscription *subscription = find_subscription(websocket, &id);
    struct waiting_answer *answer = NULL;
    while (subscription != NULL && (answer = STAILQ_FIRST(&subscription->answers)) != NULL) {
        send_left(websocket, kind, &id, answer->id);
        pop_answer(subscription, answer);
    }
    if (subscription != NULL) {
        subscription_free(subscription);
    }
    send_left(websocket, kind, &id, command->id);
}

void subscriptions_subscribe(struct websocket *websocket, const struct client_message *command)
{
    subscribe(websocket, command, &auctions);
}

void subscriptions_unsubscribe(struct websocket *websocket, const struct client_message *command)
{
    unsubscribe(websocket, command, &auctions);
}

void subscriptions_watch(struct websocket *websocket, const struct client_message *command)
{
    subscribe(websocket, command, &sales);
}

void subscriptions_unwatch(struct websocket *websocket, const struct client_message *command)
{
    unsubscribe(websocket, command, &sales);
}

bool subscriptions_may_join(struct websocket *websocket, const struct uuid *sale, const char *command_id)
{
    return find_subscription(websocket, sale) != NULL || has_room(websocket, &sales, sale, command_id);
}

void subscriptions_join(struct websocket *websocket, const struct uuid *sale)
{
    if (find_subscription(websocket, sale) == NULL) {
        add_subscription(websocket, &sales, sale, NULL);
    }
}

void subscriptions_begin(struct websocket *websocket)
{
    TAILQ_INIT(&client_of(websocket)->subscriptions);
}

void subscriptions_follow(struct websocket *websocket)
{
    struct subscription *subscription = NULL;
    TAILQ_FOREACH(subscription, &client_of(websocket)->subscriptions, list)
    {
        follow(subscription);
    }
}

void subscriptions_decided(struct websocket *websocket, const struct sale_message_decision *decision)
{
    struct subscription *subscription = find_subscription(websocket, &decision->sale_id);
    if (subscription != NULL) {
        positions_decided(&subscription->follower, decision);
    }
}

void subscriptions_end(struct websocket *websocket)
{
    struct subscription *next = NULL;
    for (struct subscription *each = TAILQ_FIRST(&client_of(websocket)->subscriptions); each != NULL; each = next) {
        next = TAILQ_NEXT(each, list);
        subscription_free(each);
    }
}
