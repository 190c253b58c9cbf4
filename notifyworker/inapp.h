/*
 * Writes the notifications of a batch of event messages in as few transactions as possible. What is written for an
 * event is the writer's: auction_writer or sale_writer. Data that the database refuses are bisected down to the failing
 * message. Other errors are retried without limit.
 *
 * Caller: event_reader.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_INAPP_H
#define ROSTRUM_NOTIFYWORKER_INAPP_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

struct inapp;

struct inapp_message {
    const void *body; /* borrowed until `done` */
    size_t length;
    const char *dead; /* out: the reason why it cannot be parsed or written (static text), else NULL */
};

/* The batch is committed, except for messages marked dead. May be called from within inapp_notify. */
typedef void (*inapp_done)(void *arg);

/* Collects the events of a slice, and writes what they cause. */
struct inapp_writer {
    /* Drops what was collected. */
    void (*reset)(void *writer);
    /* Collects the events of a message, or marks it dead. False: no memory. */
    bool (*collect)(void *writer, struct inapp_message *message);
    /* Number of collected events for which something is to be written. */
    size_t (*count)(const void *writer);
    /* Queues the statements. False: the connection refused them, or no memory. Unchanged until the transaction ended.
     */
    bool (*send)(void *writer, struct pg_tx *tx);
    /* The transaction was committed. */
    void (*committed)(void *writer);
};

/* `calls` and `writer` are borrowed. NULL: no memory. */
MUST_CHECK struct inapp *inapp_new(struct event_base *base, struct pg *pg, const struct inapp_writer *calls,
                                   void *writer);
/* Free `pg` first. */
void inapp_free(struct inapp *inapp);
/* Processes one batch; call it again only after `done`. The caller owns the messages and must keep them until then. */
void inapp_notify(struct inapp *inapp, struct inapp_message *messages, size_t count, inapp_done done, void *arg);
/* Disables retries. `done` of the current batch is then not guaranteed. */
void inapp_drain(struct inapp *inapp);
/* True while a transaction is running. */
bool inapp_busy(const struct inapp *inapp);

#endif
