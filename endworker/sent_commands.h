/*
 * The commands that the scheduler has sent, and the time when it may repeat them: a bounded table with one entry per
 * subject (auction or flash sale) and kind. A cycle is one scan of everything that is due. sent_ask carries an entry
 * over into the next cycle. sent_end_cycle drops entries that the cycle did not ask for: their subjects have left the
 * state.
 *
 * No I/O: the caller passes the time. If the table is lost, only the intervals start again.
 */
#ifndef ROSTRUM_ENDWORKER_SENT_COMMANDS_H
#define ROSTRUM_ENDWORKER_SENT_COMMANDS_H

#include "common/base/base.h"
#include "common/base/ids.h"

enum {
    SENT_MAX = 16384,      /* entries; further due commands wait until others have left */
    SENT_BACK_OFF_MAX = 8, /* the longest interval, in repetition times */
};

struct sent;

enum sent_answer {
    SENT_DUE,   /* send it, then call sent_note */
    SENT_EARLY, /* it was sent, and its repetition is not yet due */
    SENT_FULL,  /* no room: skip it this time */
};

/* NULL: no memory. */
MUST_CHECK struct sent *sent_new(int64_t repeat_ms);
void sent_free(struct sent *sent);
/*
 * Asks whether the command of that kind may be sent to that subject. `cause` stands for what is due, for example its
 * time; another cause restarts the entry. `kind`: enum command_kind of an auction, enum sale_command_kind of a sale.
 */
enum sent_answer sent_ask(struct sent *sent, int kind, const struct uuid *subject, int64_t cause, int64_t mono_ms);
/* The command was published; it is due again after repeat_ms, which doubles each time. Only after SENT_DUE. */
void sent_note(struct sent *sent, int kind, const struct uuid *subject, int64_t mono_ms);
/* The broker did not confirm it: it is due again after one repeat_ms. */
void sent_failed(struct sent *sent, int kind, const struct uuid *subject, int64_t mono_ms);
/* A complete cycle is over: drops entries that it did not ask for. Do not call it for an aborted cycle. */
void sent_end_cycle(struct sent *sent);
size_t sent_count(const struct sent *sent);

#endif
