/*
 * Published messages that have no verdict yet, by delivery tag. Called by broker_sender.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_CONFIRM_H
#define ROSTRUM_COMMON_IO_BROKER_CONFIRM_H

#include "common/io/broker_types.h"

struct broker_pending; /* one message without a verdict */

/* A ring over the delivery tags first_tag to next_tag - 1. Confirms arrive out of order. */
struct broker_confirms {
    struct broker_pending *ring;
    size_t mask;
    size_t max;  /* largest number of open messages */
    size_t open; /* messages without a verdict */
    uint64_t first_tag;
    uint64_t next_tag;
    int64_t latency_ms;  /* of the last confirm or nack */
    int64_t answered_ms; /* time of the last confirm or nack; monotonic */
    int64_t resumed_ms;  /* end of the last alarm, during which the server takes no messages; monotonic */
};

MUST_CHECK bool broker_confirm_init(struct broker_confirms *confirms, size_t unconfirmed_max);
void broker_confirm_close(struct broker_confirms *confirms);
bool broker_confirm_full(const struct broker_confirms *confirms);
/* Adds the message with the tag next_tag. Not allowed when full. */
void broker_confirm_add(struct broker_confirms *confirms, broker_verdict_callback callback, void *arg);
/* The server returned the message as unroutable: its ack is then not a confirm. */
void broker_confirm_returned(struct broker_confirms *confirms, uint64_t tag);
/* False: the tag was never used. */
MUST_CHECK bool broker_confirm_settle(struct broker_confirms *confirms, uint64_t tag, bool multiple,
                                      enum broker_verdict verdict);
/* An alarm of the server has ended. */
void broker_confirm_resume(struct broker_confirms *confirms);
/*
 * For how long messages have waited while none was confirmed or nacked, in milliseconds since the last alarm; 0 if none
 * is open. One slow queue does not count as long as others answer.
 */
int64_t broker_confirm_stalled_ms(const struct broker_confirms *confirms);
/*
 * Messages that have waited for `ms` get BROKER_UNKNOWN; a later confirm has no effect. A queue that never answers, one
 * without a majority, would otherwise fill the ring and stop publishing to all others.
 */
void broker_confirm_expire(struct broker_confirms *confirms, int64_t ms);
/* The link is lost, or is left: all open messages get BROKER_UNKNOWN. Tags start at 1 again. */
void broker_confirm_abandon(struct broker_confirms *confirms);

#endif
