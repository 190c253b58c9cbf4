/*
 * What the scheduler has sent and when it may send it again: a bounded memory of commands, one entry for an auction
 * and kind. It lives through cycles (one look at everything that is due): sent_ask carries an entry over into the next
 * cycle, and what was not asked for in a whole cycle has left its state and is forgotten by sent_turn.
 *
 * Pure: the caller gives the time. Nothing is lost with it but the distance to the next repetition.
 */
#ifndef ROSTRUM_ENDWORKER_SENT_COMMANDS_H
#define ROSTRUM_ENDWORKER_SENT_COMMANDS_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/protocol/message.h"

enum {
    SENT_MAX = 16384,      /* entries; what is due beyond that waits until others have left */
    SENT_BACK_OFF_MAX = 8, /* the longest distance, in repetition times */
};

struct sent;

enum sent_answer {
    SENT_DUE,   /* send it, then call sent_note */
    SENT_EARLY, /* it was sent and its repetition is not yet due */
    SENT_FULL,  /* no room: not this time */
};

/* NULL only without memory. */
MUST_CHECK struct sent *sent_new(int64_t repeat_ms);
void sent_free(struct sent *sent);
/* May the command of that kind be sent to that auction, due at `due_ms`? A new due time is a new matter. */
enum sent_answer sent_ask(struct sent *sent, enum command_kind kind, const struct uuid *auction_id, int64_t due_ms,
                          int64_t mono_ms);
/* It was handed to the broker: after a repeat_ms that doubles each time it is due again. Only after SENT_DUE. */
void sent_note(struct sent *sent, enum command_kind kind, const struct uuid *auction_id, int64_t mono_ms);
/* The broker did not confirm it: due again after one repeat_ms. */
void sent_failed(struct sent *sent, enum command_kind kind, const struct uuid *auction_id, int64_t mono_ms);
/* A whole cycle is over: forgets what was not asked for in it. Not to be called for one that was broken off. */
void sent_turn(struct sent *sent);
size_t sent_count(const struct sent *sent);

#endif
