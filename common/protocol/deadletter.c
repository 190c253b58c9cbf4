/*
 * See deadletter.h. One list of dead letters; each either waits or was sent to the broker. A refused one waits for the
 * timer, so a broker that refuses everything gets at most ten attempts a second.
 */
#include "common/protocol/deadletter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/topology.h"

enum { RETRY_MS = 100 };

struct dead_letter {
    TAILQ_ENTRY(dead_letter) link;
    struct deadletters *dead_letters;
    bool sent; /* sent to the broker, not yet confirmed */
    const char *routing_key;
    const char *reason;
    deadletter_callback callback;
    void *arg;
    size_t length;
    char body[];
};

struct deadletters {
    struct broker *broker;
    struct event *timer;
    TAILQ_HEAD(dead_letter_list, dead_letter) list;
};

size_t deadletter_length(const void *body, size_t length)
{
    const unsigned char *bytes = body;
    if (length <= DEADLETTER_BODY_MAX_BYTES) {
        return length;
    }
    length = DEADLETTER_BODY_MAX_BYTES;
    while (length > 0 && (bytes[length] & 0xc0U) == 0x80U) {
        length--;
    }
    return length;
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct dead_letter *dead_letter = arg;
    struct deadletters *dead_letters = dead_letter->dead_letters;
    dead_letter->sent = false;
    if (verdict != BROKER_CONFIRMED) {
        log_warn("a dead letter to %s was not confirmed and is published again", dead_letter->routing_key);
        timer_ensure(dead_letters->timer, RETRY_MS);
        return;
    }
    TAILQ_REMOVE(&dead_letters->list, dead_letter, link);
    dead_letter->callback(dead_letter->arg);
    free(dead_letter);
}

static void publish(struct dead_letter *dead_letter)
{
    struct broker_message message = {.exchange = TOPOLOGY_DEAD_EXCHANGE,
                                     .routing_key = dead_letter->routing_key,
                                     .body = dead_letter->body,
                                     .length = dead_letter->length,
                                     .reason = dead_letter->reason};
    dead_letter->sent = broker_publish(dead_letter->dead_letters->broker, &message, on_verdict, dead_letter);
    if (!dead_letter->sent) {
        timer_ensure(dead_letter->dead_letters->timer, RETRY_MS);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct deadletters *dead_letters = arg;
    struct dead_letter *dead_letter;
    TAILQ_FOREACH(dead_letter, &dead_letters->list, link)
    {
        if (!dead_letter->sent) {
            publish(dead_letter);
        }
    }
}

struct deadletters *deadletters_new(struct event_base *base, struct broker *broker)
{
    struct deadletters *dead_letters = calloc(1, sizeof(*dead_letters));
    if (dead_letters == NULL) {
        return NULL;
    }
    TAILQ_INIT(&dead_letters->list);
    dead_letters->broker = broker;
    dead_letters->timer = evtimer_new(base, on_timer, dead_letters);
    if (dead_letters->timer == NULL) {
        free(dead_letters);
        return NULL;
    }
    return dead_letters;
}

void deadletters_free(struct deadletters *dead_letters)
{
    if (dead_letters == NULL) {
        return;
    }
    struct dead_letter *next;
    for (struct dead_letter *dead_letter = TAILQ_FIRST(&dead_letters->list); dead_letter != NULL; dead_letter = next) {
        next = TAILQ_NEXT(dead_letter, link);
        free(dead_letter);
    }
    event_free(dead_letters->timer);
    free(dead_letters);
}

bool deadletters_send(struct deadletters *dead_letters, const char *routing_key, const void *body, size_t length,
                      const char *reason, deadletter_callback callback, void *arg)
{
    length = deadletter_length(body, length);
    struct dead_letter *dead_letter = malloc(sizeof(*dead_letter) + length);
    if (dead_letter == NULL) {
        return false;
    }
    *dead_letter = (struct dead_letter){.dead_letters = dead_letters,
                                        .routing_key = routing_key,
                                        .reason = reason,
                                        .callback = callback,
                                        .arg = arg,
                                        .length = length};
    memcpy(dead_letter->body, body, length);
    TAILQ_INSERT_TAIL(&dead_letters->list, dead_letter, link);
    publish(dead_letter);
    return true;
}
