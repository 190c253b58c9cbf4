/*
 * See deadletter.h. One list of letters; each is either waiting or with the broker. What was refused waits for the
 * timer, so that a broker that refuses everything costs ten tries a second.
 */
#include "common/protocol/deadletter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/protocol/topology.h"

enum { RETRY_MS = 100 };

struct letter {
    TAILQ_ENTRY(letter) link;
    struct deadletters *letters;
    bool flying; /* the broker's verdict is still to come */
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
    TAILQ_HEAD(letter_list, letter) list;
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

static void retry_later(struct deadletters *letters)
{
    struct timeval wait = {.tv_usec = RETRY_MS * 1000L};
    if (!evtimer_pending(letters->timer, NULL) && evtimer_add(letters->timer, &wait) != 0) {
        log_error("dead letters: cannot arm a timer");
    }
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct letter *letter = arg;
    struct deadletters *letters = letter->letters;
    letter->flying = false;
    if (verdict != BROKER_CONFIRMED) {
        log_warn("a dead letter to %s was not confirmed and is published again", letter->routing_key);
        retry_later(letters);
        return;
    }
    TAILQ_REMOVE(&letters->list, letter, link);
    letter->callback(letter->arg);
    free(letter);
}

static void publish(struct letter *letter)
{
    struct broker_message message = {.exchange = TOPOLOGY_DEAD_EXCHANGE,
                                     .routing_key = letter->routing_key,
                                     .body = letter->body,
                                     .length = letter->length,
                                     .reason = letter->reason};
    letter->flying = broker_publish(letter->letters->broker, &message, on_verdict, letter);
    if (!letter->flying) {
        retry_later(letter->letters);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct deadletters *letters = arg;
    struct letter *letter;
    TAILQ_FOREACH(letter, &letters->list, link)
    {
        if (!letter->flying) {
            publish(letter);
        }
    }
}

struct deadletters *deadletters_new(struct event_base *base, struct broker *broker)
{
    struct deadletters *letters = calloc(1, sizeof(*letters));
    if (letters == NULL) {
        return NULL;
    }
    TAILQ_INIT(&letters->list);
    letters->broker = broker;
    letters->timer = evtimer_new(base, on_timer, letters);
    if (letters->timer == NULL) {
        free(letters);
        return NULL;
    }
    return letters;
}

void deadletters_free(struct deadletters *letters)
{
    if (letters == NULL) {
        return;
    }
    struct letter *next;
    for (struct letter *letter = TAILQ_FIRST(&letters->list); letter != NULL; letter = next) {
        next = TAILQ_NEXT(letter, link);
        free(letter);
    }
    event_free(letters->timer);
    free(letters);
}

bool deadletters_send(struct deadletters *letters, const char *routing_key, const void *body, size_t length,
                      const char *reason, deadletter_callback callback, void *arg)
{
    length = deadletter_length(body, length);
    struct letter *letter = malloc(sizeof(*letter) + length);
    if (letter == NULL) {
        return false;
    }
    *letter = (struct letter){.letters = letters,
                              .routing_key = routing_key,
                              .reason = reason,
                              .callback = callback,
                              .arg = arg,
                              .length = length};
    memcpy(letter->body, body, length);
    TAILQ_INSERT_TAIL(&letters->list, letter, link);
    publish(letter);
    return true;
}
