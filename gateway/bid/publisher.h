/*
 * Bids on their way to the broker. Of each auction at most two messages are unconfirmed; bids that arrive meanwhile
 * travel together in the next one, up to share_max_bids: an idle deployment adds no delay, and a hot auction pays the
 * broker once for many bids.
 *
 * Each bid gets exactly one verdict, within confirm_deadline_ms of its receipt. One that was not handed over by then
 * never is. Counted from the receipt, because the fence is: an auction's fence follows its end by fence_grace_ms, and
 * what was in time and answered 202 must stand ahead of it, however long Redis or PostgreSQL held it up before.
 */
#ifndef ROSTRUM_GATEWAY_BID_PUBLISHER_H
#define ROSTRUM_GATEWAY_BID_PUBLISHER_H

#include <sys/queue.h>

#include "common/io/broker.h"
#include "common/protocol/message.h"
#include "common/service/config.h"

enum publisher_verdict {
    PUBLISHER_CONFIRMED, /* durable */
    PUBLISHER_REFUSED,   /* the queue is full or missing: it is not there */
    PUBLISHER_DROPPED,   /* was never handed over, and never will be */
    PUBLISHER_UNKNOWN,   /* handed over, and no confirm: it may be there */
};

struct publisher;
struct publisher_bid;
typedef void (*publisher_done)(struct publisher_bid *bid, enum publisher_verdict verdict);

/* Owned by the caller, who keeps it until the verdict. */
struct publisher_bid {
    struct command command;
    int64_t received_mono_ms; /* the command's receipt on the monotonic clock */
    publisher_done done;
    void *arg;

    /* The rest belongs to publisher.c. */
    int64_t deadline_ms; /* monotonic */
    struct pending_bids *pending;
    struct publisher_message *message;    /* that it was sent in; NULL: it waits */
    TAILQ_ENTRY(publisher_bid) list;      /* of its message, or of those that wait */
    TAILQ_ENTRY(publisher_bid) deadlines; /* of all, oldest first */
};

MUST_CHECK struct publisher *publisher_new(struct event_base *base, const struct config *config);
/* The connection by which bids go out; until then none is taken. It stays the caller's. */
void publisher_connect(struct publisher *publisher, struct broker *broker, unsigned shards);
/* Bids can be taken: the broker is there, with its topology. */
bool publisher_ready(const struct publisher *publisher);
/* NULL: not connected yet. */
const struct broker *publisher_broker(const struct publisher *publisher);
/* Open bids are forgotten without a verdict. */
void publisher_free(struct publisher *publisher);
/*
 * Takes a bid; its verdict comes later, from the loop. False: the broker is not there, publish_pending_max_bids are
 * open, or its deadline has passed: then nothing happened and no verdict comes.
 */
MUST_CHECK bool publisher_submit(struct publisher *publisher, struct publisher_bid *bid);
/* Waiting or unconfirmed. */
size_t publisher_open(const struct publisher *publisher);

#endif
