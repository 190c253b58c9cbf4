/*
 * Dead letters become rows: what arrives in queue dead_letters is written into table dead_letters and acked, one at a
 * time. A queue cannot be looked at without turning its order round, nor can one message be taken out of its middle;
 * a table can. The id is made from key, reason and body, so that a letter that comes again is the same row.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_DEAD_LETTER_SINK_H
#define ROSTRUM_NOTIFYWORKER_DEAD_LETTER_SINK_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/pg.h"

enum mirror_statement { MIRROR_ADD, MIRROR_STATEMENTS };

extern const struct pg_statement mirror_table[MIRROR_STATEMENTS];

struct mirror;

struct mirror_options {
    struct event_base *base;
    struct broker *consumes; /* a broker for consuming only */
    struct pg *pg;
    size_t first_statement; /* index of mirror_table[0] in the table of `pg` */
};

/* Begins to consume. NULL only without memory. */
MUST_CHECK struct mirror *mirror_new(const struct mirror_options *options);
/* Free the broker and the pool before. */
void mirror_free(struct mirror *mirror);
/* Takes nothing new. What is not written yet stays in the queue. */
void mirror_drain(struct mirror *mirror);
/* A letter is being written. */
bool mirror_busy(const struct mirror *mirror);

#endif
