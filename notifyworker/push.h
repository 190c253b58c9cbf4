/*
 * Says on users' channels (common/protocol/keys.h) which notifications were written for them, so that whoever is
 * connected sees them at once. Nobody keeps that: without Redis they are found when somebody looks.
 *
 * Callers: audience.c, watchers.c, webhook_channel.c; main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_PUSH_H
#define ROSTRUM_NOTIFYWORKER_PUSH_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/service/config.h"

/* Of rows with user_id and id: "user id user id …"; for push_add. */
#define PUSH_COLUMN "string_agg(user_id || ' ' || id, ' ')"

struct push;

/* NULL only without memory, or if the URL of Redis makes no sense. */
MUST_CHECK struct push *push_new(struct event_base *base, const struct config *config);
void push_free(struct push *push);
/* Remembers what a statement wrote; what there is no memory for is not said. */
void push_add(struct push *push, const char *column);
/* It was committed: says it. */
void push_send(struct push *push);
/* It was not. */
void push_forget(struct push *push);

#endif
