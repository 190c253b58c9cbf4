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
#include "common/io/broker_consumer.h"
#include "common/io/pg.h"

enum dead_letter_sink_statement { DEAD_LETTER_SINK_ADD, DEAD_LETTER_SINK_STATEMENTS };

extern const struct pg_statement dead_letter_sink_table[DEAD_LETTER_SINK_STATEMENTS];

struct dead_letter_sink;

struct dead_letter_sink_options {
    struct event_base *base;
    struct broker *consumes; /* a broker for consuming only */
    struct pg *pg;
    size_t first_statement; /* index of dead_letter_sink_table[0] in the table of `pg` */
};

/* Begins to consume. NULL only without memory. */
MUST_CHECK struct dead_letter_sink *dead_letter_sink_new(const struct dead_letter_sink_options *options);
/* Free the broker and the pool before. */
void dead_letter_sink_free(struct dead_letter_sink *dead_letter_sink);
/* Takes nothing new. What is not written yet stays in the queue. */
void dead_letter_sink_drain(struct dead_letter_sink *dead_letter_sink);
/* A letter is being written. */
bool dead_letter_sink_busy(const struct dead_letter_sink *dead_letter_sink);

#endif
