/*
 * Writes the in-app notifications of a batch of event messages, and the calls of the deployment's webhooks, one
 * transaction for as much of it as fits. What the database refuses for good is halved down to the message that is to
 * blame; everything else is retried without end.
 *
 * Caller: intake.c.
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
    const char *dead; /* out: why it can be neither read nor written (static text), else NULL */
};

/* Everything of the batch is committed, but for the messages marked dead. May come from within inapp_notify. */
typedef void (*inapp_done)(void *arg);

/* `pg` with recipients_table at the begin of its table, deployment_webhooks_table somewhere. NULL only without memory.
 */
MUST_CHECK struct inapp *inapp_new(struct event_base *base, struct pg *pg, size_t first_of_deployment_calls,
                                   struct push *push);
/* Free `pg` before. */
void inapp_free(struct inapp *inapp);
/* Tells one batch; the next only after `done`. The messages belong to the caller and stay where they are until then. */
void inapp_notify(struct inapp *inapp, struct inapp_message *messages, size_t count, inapp_done done, void *arg);
/* From now on what fails is not tried again: `done` of the batch in hand may not come. */
void inapp_drain(struct inapp *inapp);
/* A transaction is under way. */
bool inapp_busy(const struct inapp *inapp);

#endif
