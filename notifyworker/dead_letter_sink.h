/*
 * Moves messages from queue dead_letters into table dead_letters, one at a time; the ack follows the insert. A table
 * can be read without changing its order, and a single row can be removed; a queue allows neither. The id is a hash of
 * routing key, reason and body, so that a redelivered dead letter is the same row.
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

/* Starts consuming. NULL: no memory. */
MUST_CHECK struct dead_letter_sink *dead_letter_sink_new(const struct dead_letter_sink_options *options);
/* Free the broker and the pool first. */
void dead_letter_sink_free(struct dead_letter_sink *dead_letter_sink);
/* Stops taking messages. Those not written yet stay in the queue. */
void dead_letter_sink_drain(struct dead_letter_sink *dead_letter_sink);
/* True while a dead letter is being written. */
bool dead_letter_sink_busy(const struct dead_letter_sink *dead_letter_sink);

#endif
