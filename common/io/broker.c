/*
 * The public interface of a connection to RabbitMQ, and the choice of the connection that publishes.
 *
 * If the URL has several hosts and the owner publishes (confirm_deadline_ms), there are two connections, to different
 * hosts: one is active, the other stands by. Messages go to the active one only. It is left
 *
 *   - when it is lost: for the other one, if that is up. A heartbeat of 1 s finds a node that stopped;
 *   - when messages wait and none was confirmed for confirm_deadline_ms: for the other one, if that is proved
 *     (broker_probe.h), alive, and has confirmed a probe since. Heartbeats are not enough: a node that is cut off from
 *     the others still sends them, and confirms nothing. A node that confirms the messages of other queues is not left:
 *     the one queue elects a leader, and its session is here.
 *
 * A connection that is not proved in time is ended and made again, because its channel may be blocked for a minute
 * (broker_probe.h). The active one is not ended if it has answered anything since it came up. An alarm of the server
 * ends none: the time to be proved begins when it is over.
 *
 * Within the same call the messages of the connection that was left get BROKER_UNKNOWN, in the order in which they were
 * published. So an owner that publishes them again from the callback keeps their order: nothing newer precedes them.
 * The connection that was left then connects to another host, and stands by.
 */
#include "common/io/broker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker_sender.h"
#include "common/io/broker_url.h"

enum {
    SENDERS = 2,
    LOOK_MS = 100,      /* between two looks at the unconfirmed messages */
    ALIVE_MS = 1200,    /* a node that was heard so recently is alive: a heartbeat may follow 1 s after other frames */
    STAY_MIN_MS = 5000, /* so that servers that are merely slow do not get the same messages again and again */
    PROVE_MAX_MS = 12000, /* to be proved; an election takes 7 s */
    OPEN_MAX_MS = 60000,  /* a message that was not answered for so long is given up */
};

struct broker {
    struct broker_sender *senders[SENDERS]; /* the second one is NULL if the broker has one connection */
    struct broker_sender *active;
    int64_t left_ms; /* when a node was last left because it did not confirm; monotonic; 0: never */
    int confirm_deadline_ms;
    struct event *look;
    enum broker_state state; /* as the owner knows it */
    void (*on_change)(struct broker *broker, enum broker_state state, void *arg);
    void *arg;
};

static enum broker_state state_of(const struct broker_sender *sender)
{
    return broker_link_state(broker_sender_link(sender));
}

/* The other connection; NULL if there is none. */
static struct broker_sender *standby(const struct broker *broker)
{
    return broker->senders[broker->active == broker->senders[0] ? 1 : 0];
}

/* Only this function changes the active connection. */
static void activate_standby(struct broker *broker)
{
    broker->active = standby(broker);
    log_info("rabbitmq %s: publishing at %s", broker_link_name(broker_sender_link(broker->active)),
             broker_address(broker));
}

static void update_state(struct broker *broker)
{
    enum broker_state state = state_of(broker->active);
    if (state == broker->state) {
        return;
    }
    broker->state = state;
    if (broker->on_change != NULL) {
        broker->on_change(broker, state, broker->arg);
    }
}

static void on_sender_change(struct broker_sender *sender, void *arg)
{
    struct broker *broker = arg;
    const struct broker_link *link = broker_sender_link(sender);
    const struct broker_sender *other = standby(broker);
    if (state_of(sender) == BROKER_DOWN) {
        log_warn("rabbitmq %s: lost %s: %s (%zu unconfirmed)", broker_link_name(link), broker_link_address(link),
                 broker_link_error(link), broker_sender_unconfirmed(sender));
    }
    if (state_of(broker->active) == BROKER_DOWN && other != NULL && state_of(other) != BROKER_DOWN) {
        activate_standby(broker);
    }
    update_state(broker);
}

/* Whether the active connection has confirmed nothing for so long, although messages wait. */
static bool is_stalled(const struct broker *broker, int64_t ms)
{
    return broker_sender_stalled_ms(broker->active) > ms && state_of(broker->active) == BROKER_UP &&
           !broker_link_has_unread(broker_sender_link(broker->active));
}

/* `stalled_ms`: for how long the active connection has confirmed nothing. */
static bool can_take_over(const struct broker_sender *sender, int64_t stalled_ms)
{
    return broker_sender_proved(sender) && broker_link_silent_ms(broker_sender_link(sender)) < ALIVE_MS &&
           broker_sender_fresh(sender, stalled_ms);
}

static void end_unproved(const struct broker *broker, struct broker_sender *sender)
{
    int64_t unproved_ms = broker_sender_unproved_ms(sender);
    if (state_of(sender) == BROKER_UP && unproved_ms > PROVE_MAX_MS &&
        (sender != broker->active || !broker_sender_answers(sender, unproved_ms))) {
        broker_link_fail(broker_sender_link(sender), "a probe was not answered for %d ms", PROVE_MAX_MS);
    }
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    struct broker_sender *left = broker->active;
    int64_t stalled_ms = broker_sender_stalled_ms(left);
    char reason[BROKER_TEXT_SIZE];
    bool left_lately = broker->left_ms != 0 && clock_mono_ms() - broker->left_ms < STAY_MIN_MS;
    for (size_t i = 0; i < SENDERS; i++) {
        broker_sender_expire(broker->senders[i], OPEN_MAX_MS);
        end_unproved(broker, broker->senders[i]);
    }
    if (is_stalled(broker, broker->confirm_deadline_ms / 2)) {
        broker_sender_renew(standby(broker)); /* in time for its answer */
    }
    if (left_lately || !is_stalled(broker, broker->confirm_deadline_ms) ||
        !can_take_over(standby(broker), stalled_ms)) {
        return;
    }
    (void)snprintf(reason, sizeof reason, "left with %zu unconfirmed messages, because none was confirmed for %d ms",
                   broker_sender_unconfirmed(left), broker->confirm_deadline_ms);
    broker->left_ms = clock_mono_ms();
    activate_standby(broker);
    broker_sender_leave(left, reason);
}

/* ---- public interface */

static bool wants_standby(const struct broker_options *options)
{
    struct broker_url url;
    return options->confirm_deadline_ms > 0 && broker_url_parse(options->url, &url) == NULL && url.count > 1;
}

static bool open_standby(struct broker *broker, const struct broker_options *options)
{
    const struct timeval every = {.tv_usec = LOOK_MS * 1000L};
    broker->senders[1] = broker_sender_new(options, 1, on_sender_change, broker);
    broker->look = event_new(options->base, -1, EV_PERSIST, on_look, broker);
    if (broker->senders[1] == NULL || broker->look == NULL || event_add(broker->look, &every) != 0) {
        return false;
    }
    broker_link_set_peer(broker_sender_link(broker->senders[0]), broker_sender_link(broker->senders[1]));
    return true;
}

struct broker *broker_new(const struct broker_options *options)
{
    struct broker *broker = calloc(1, sizeof *broker);
    struct broker_options used = *options;
    bool two = wants_standby(options);
    if (broker == NULL) {
        return NULL;
    }
    used.heartbeat_s = two ? BROKER_CONSUMING_HEARTBEAT_S : options->heartbeat_s;
    broker->on_change = options->on_change;
    broker->arg = options->arg;
    broker->confirm_deadline_ms = options->confirm_deadline_ms;
    broker->senders[0] = broker_sender_new(&used, 0, on_sender_change, broker);
    broker->active = broker->senders[0];
    if (broker->active == NULL || (two && !open_standby(broker, &used))) {
        broker_free(broker);
        return NULL;
    }
    return broker;
}

void broker_free(struct broker *broker)
{
    if (broker == NULL) {
        return;
    }
    broker->state = BROKER_DOWN; /* callbacks publish nothing any more */
    for (size_t i = 0; i < SENDERS; i++) {
        broker_sender_free(broker->senders[i]);
    }
    if (broker->look != NULL) {
        event_free(broker->look);
    }
    free(broker);
}

struct broker_link *broker_link_of(const struct broker *broker)
{
    assert(broker->senders[1] == NULL); /* a consumer stays with its connection */
    return broker_sender_link(broker->active);
}

enum broker_state broker_state(const struct broker *broker)
{
    return broker->state;
}

bool broker_has_standby(const struct broker *broker)
{
    return broker->senders[1] != NULL;
}

bool broker_prepare(struct broker *broker, const char *exchange, const char *routing_key)
{
    bool ok = true;
    for (size_t i = 0; broker_has_standby(broker) && i < SENDERS; i++) {
        ok = broker_sender_prepare(broker->senders[i], exchange, routing_key) && ok;
    }
    return ok;
}

size_t broker_unconfirmed(const struct broker *broker)
{
    return broker_sender_unconfirmed(broker->senders[0]) +
           (broker_has_standby(broker) ? broker_sender_unconfirmed(broker->senders[1]) : 0);
}

int64_t broker_latency_ms(const struct broker *broker)
{
    return broker_sender_latency_ms(broker->active);
}

const char *broker_address(const struct broker *broker)
{
    return broker_link_address(broker_sender_link(broker->active));
}

const char *broker_error(const struct broker *broker)
{
    return broker_link_error(broker_sender_link(broker->active));
}

bool broker_publish(struct broker *broker, const struct broker_message *message, broker_verdict_callback callback,
                    void *arg)
{
    return broker->state == BROKER_UP && broker_sender_publish(broker->active, message, callback, arg);
}
