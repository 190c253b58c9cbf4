/*
 * Publishes commands to the broker: bids and other commands to auctions, or commands to flash sales. A publisher has
 * one family, and a bound of its own. While a shard has unconfirmed messages of this worker, the commands that arrive
 * share the next one, up to share_max_bids. They may be for several auctions or sales (subjects). The message has the
 * routing key of each: of the first as its routing key, of the others in header CC. So an idle deployment adds no
 * delay, and a busy one costs the broker one message for many bids.
 *
 * A bid is here any such command. Each bid gets exactly one verdict, within confirm_deadline_ms of its receipt, unless
 * the publisher is freed first. A bid that was not published by then never is. Receipt decides whether a bid was in
 * time, and the fence comes only fence_grace_ms after the end. So the deadline counts from the receipt: every bid that
 * was in time and answered 202 precedes the fence in the queue, however long Redis or PostgreSQL delayed it.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_PUBLISHER_H
#define ROSTRUM_GATEWAY_SUBMIT_PUBLISHER_H

#include <sys/queue.h>

#include "common/base/outages.h"
#include "common/io/broker.h"
#include "common/service/config.h"
#include "gateway/submit/family.h"

enum publisher_verdict {
    PUBLISHER_CONFIRMED, /* durable */
    PUBLISHER_REFUSED,   /* the bid is in no queue: its queue is full or missing, or elects a leader */
    PUBLISHER_DROPPED,   /* never published, and never will be */
    PUBLISHER_UNKNOWN,   /* published but not confirmed: it may be in the queue */
};

struct publisher;
struct publisher_item;
typedef void (*publisher_done)(struct publisher_item *bid, enum publisher_verdict verdict);

/* Owned by the caller, which keeps it until the verdict. */
struct publisher_item {
    union submit_command command; /* of the publisher's family */
    int64_t received_boot_ms;     /* the command's receipt by clock_boot_ms, which counts time in suspension */
    publisher_done done;
    void *arg;

    /* Private to publisher.c. */
    int64_t deadline_ms;                   /* by clock_boot_ms */
    struct publisher_shard *pending;       /* of its shard */
    struct publisher_message *message;     /* the message that contains it; NULL: it waits */
    TAILQ_ENTRY(publisher_item) list;      /* of its message, or of the waiting bids */
    TAILQ_ENTRY(publisher_item) deadlines; /* of all bids, oldest first */
};

/* `open_max`: bids that wait or are unconfirmed. NULL: no memory. */
MUST_CHECK struct publisher *publisher_new(struct event_base *base, const struct config *config,
                                           const struct submit_family *family, size_t open_max);
/* Sets the connection for publishing; no bid is accepted before. The caller keeps ownership. */
void publisher_connect(struct publisher *publisher, struct broker *broker, unsigned shards);
/* True if bids can be published: the broker is connected, its topology declared, and no alarm stops publishing. */
bool publisher_ready(const struct publisher *publisher);
/* When this publisher could publish nothing, to a few milliseconds. The time before its first connection counts. */
const struct outages *publisher_outages(const struct publisher *publisher);
/* NULL: not connected yet. */
const struct broker *publisher_broker(const struct publisher *publisher);
/* Drops open bids without a verdict. */
void publisher_free(struct publisher *publisher);
/*
 * Accepts a bid; its verdict comes later, from the loop. False, and no verdict follows: the broker is unavailable,
 * `open_max` bids are open, the bid's deadline has passed, or no memory.
 */
MUST_CHECK bool publisher_submit(struct publisher *publisher, struct publisher_item *bid);
/* Number of bids that wait or are unconfirmed. */
size_t publisher_open(const struct publisher *publisher);

#endif
