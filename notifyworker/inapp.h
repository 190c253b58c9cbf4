/*
 * Writes the in-app notifications of a batch of event messages, and the deliveries to the deployment's webhooks, in as
 * few transactions as possible. Data that the database refuses are bisected down to the failing message. Other errors
 * are retried without limit.
 *
 * Caller: event_reader.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_INAPP_H
#define ROSTRUM_NOTIFYWORKER_INAPP_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

struct inapp;
struct push;

struct inapp_message {
    const void *body; /* borrowed until `done` */
    size_t length;
    const char *dead; /* out: the reason why it cannot be parsed or written (static text), else NULL */
};

/* The batch is committed, except for messages marked dead. May be called from within inapp_notify. */
typedef void (*inapp_done)(void *arg);

/*
 * `pg` has recipients_table at the start of its table, and deployment_webhooks_table at `first_of_deployment_calls`.
 * NULL: no memory.
 */
MUST_CHECK struct inapp *inapp_new(struct event_base *base, struct pg *pg, size_t first_of_deployment_calls,
                                   struct push *push);
/* Free `pg` first. */
void inapp_free(struct inapp *inapp);
/* Processes one batch; call it again only after `done`. The caller owns the messages and must keep them until then. */
void inapp_notify(struct inapp *inapp, struct inapp_message *messages, size_t count, inapp_done done, void *arg);
/* Disables retries. `done` of the current batch is then not guaranteed. */
void inapp_drain(struct inapp *inapp);
/* True while a transaction is running. */
bool inapp_busy(const struct inapp *inapp);

#endif
