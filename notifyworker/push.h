/*
 * Publishes new notifications on users' channels (common/protocol/keys.h), so that connected users see them at once.
 * Nothing is stored: without Redis, users see them at their next request.
 *
 * Callers: recipients.c, watchers.c, webhook_channel.c; main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_PUSH_H
#define ROSTRUM_NOTIFYWORKER_PUSH_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/service/config.h"

/* For rows with user_id and id: "user id user id …", the argument of push_add. */
#define PUSH_COLUMN "string_agg(user_id || ' ' || id, ' ')"

struct push;

/* NULL: no memory, or the URL of Redis is invalid. */
MUST_CHECK struct push *push_new(struct event_base *base, const struct config *config);
void push_free(struct push *push);
/* Collects the rows that a statement wrote; rows without memory are dropped. */
void push_add(struct push *push, const char *column);
/* The transaction was committed: publishes the collected rows. */
void push_send(struct push *push);
/* The transaction failed: drops the collected rows. */
void push_forget(struct push *push);

#endif
