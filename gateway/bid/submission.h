/*
 * A command for an auction's queue, from its publication to the answer of the request that carries it: publish, wait
 * for the decision, answer. Bids and changes to auctions use it; each says in a table how it answers.
 *
 *   NEW ──publish──> PUBLISHED ──confirm──> CONFIRMED ──decision, or the wait is over──> ENDED
 *                        └──decision──> EARLY ──confirm or failure──> ENDED
 *
 * A decision that is faster than the broker's confirm waits for it. A wait that ends before the confirm is answered as
 * pending with the confirm. No confirm in time: 503, "outcome": "unknown". The request's deadline answers likewise,
 * once the command was published.
 *
 * Callers: bids.c, changes.c. A submission is the first member of its request's handler state.
 */
#ifndef ROSTRUM_GATEWAY_BID_SUBMISSION_H
#define ROSTRUM_GATEWAY_BID_SUBMISSION_H

#include "gateway/bid/publisher.h"
#include "gateway/bid/waiters.h"
#include "gateway/http/request.h"

enum submission_state {
    SUBMISSION_NEW,
    SUBMISSION_PUBLISHED, /* the publisher has it, and has no verdict yet */
    SUBMISSION_EARLY,     /* likewise, but it is decided already */
    SUBMISSION_CONFIRMED, /* durable; the decision is awaited */
    SUBMISSION_ENDED,     /* the request was ended */
    SUBMISSION_STATE_COUNT
};

/* How a caller answers. Exactly one of the functions that END the request is called, if submission.c has not ended it.
 */
struct submission_kind {
    const char *id_member;                      /* name of the command's id in an answer */
    void (*confirmed)(struct request *request); /* the broker has it now; NULL: nothing to do */
    void (*decided)(struct request *request, const struct decision *decision); /* ENDS */
    void (*pending)(struct request *request);                                  /* ENDS; confirmed, not decided */
    /* ENDS; it is in no queue and never will be. `sent`: it was given to the publisher. */
    void (*failed)(struct request *request, bool sent);
};

/* What every submission of a worker uses. */
struct submissions {
    struct publisher *publisher;
    struct waiters *waiters;
    struct uuid id; /* of the worker: names its reply channel */
};

struct submission {
    struct publisher_bid bid; /* with the command, which the caller fills */
    int64_t confirmed_us;     /* monotonic; when the broker confirmed it to this request, 0: it did not */

    /* The rest belongs to submission.c. */
    const struct submissions *submissions;
    const struct submission_kind *kind;
    struct request *request;
    int wait_ms;
    enum submission_state state;
    struct waiter waiter;
    struct decision decision; /* in state EARLY */
};

/* The command of the request's submission. */
struct command *submission_command(const struct request *request);
/* Once the handler state is there; `wait_ms` for the decision, 0: not at all. Sets what happens at the deadline. */
void submission_begin(const struct submissions *submissions, struct request *request,
                      const struct submission_kind *kind, int wait_ms);
/* Publishes the command. A request that its deadline has answered already goes no further: `failed`. */
void submission_publish(struct request *request);
/* Waits for the decision of a command that was confirmed to an earlier request with the same id. */
void submission_wait(struct request *request);

#endif
