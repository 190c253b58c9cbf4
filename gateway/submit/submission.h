/*
 * Publishes a command to the queue of an auction or a flash sale, waits for the decision, and answers the request.
 * Bids, changes of auctions and commands to sales use it; each fills a table of functions that answer.
 *
 *   NEW ──publish──> PUBLISHED ──confirm──> CONFIRMED ──decision or timeout──> ENDED
 *   └──decision──> EARLY ──confirm or failure──> ENDED
 *
 * A decision that precedes the broker's confirm is held until the confirm. If the wait ends before the confirm, the
 * confirm is answered as pending. Without a confirm in time the answer is 503 with "outcome": "unknown". The request's
 * deadline answers the same once the command was published.
 *
 * Callers: command_request.c, bids.c, changes.c, gateway/sale. A submission is the first member of its request's
 * handler state.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_SUBMISSION_H
#define ROSTRUM_GATEWAY_SUBMIT_SUBMISSION_H

#include "common/service/timing_guard.h"
#include "gateway/http/request.h"
#include "gateway/submit/publisher.h"
#include "gateway/submit/waiters.h"

enum submission_state {
    SUBMISSION_NEW,
    SUBMISSION_PUBLISHED, /* given to the publisher, no verdict yet */
    SUBMISSION_EARLY,     /* the same, but already decided */
    SUBMISSION_CONFIRMED, /* durable; waiting for the decision */
    SUBMISSION_ENDED,     /* the request has ended */
    SUBMISSION_STATE_COUNT
};

/*
 * How a caller answers. Unless submission.c has ended the request, exactly one of the functions that END it is called.
 */
struct submission_kind {
    const char *id_member;                      /* name of the command's id in answers */
    void (*confirmed)(struct request *request); /* called at the broker's confirm; may be NULL */
    void (*decided)(struct request *request, const union submit_decision *decision); /* ENDS */
    void (*pending)(struct request *request);                                        /* ENDS; confirmed, not decided */
    /* ENDS; the command is in no queue and never will be. `sent`: it was given to the publisher. */
    void (*failed)(struct request *request, bool sent);
};

/* What all submissions of a worker and family use. */
struct submissions {
    const struct submit_family *family;
    struct publisher *publisher;
    struct waiters *waiters;
    struct uuid id;              /* of this worker: names its reply channel */
    struct timing_guard *timing; /* while it withholds, no command is published */
};

struct submission {
    struct publisher_item item; /* contains the command, which the caller fills */
    int64_t confirmed_us;       /* clock_boot_us of the broker's confirm, 0: none for this request */

    /* Private to submission.c. */
    const struct submissions *submissions;
    const struct submission_kind *kind;
    struct request *request;
    int wait_ms;
    enum submission_state state;
    struct waiter waiter;
    union submit_decision decision; /* in state EARLY */
};

/* The command of the request's submission: to an auction, or to a sale. */
struct command *submission_command(const struct request *request);
struct sale_message_command *submission_sale_command(const struct request *request);
/*
 * Requires the handler state. Waits up to `wait_ms` for the decision, 0: not at all. Sets the request's deadline
 * handler.
 */
void submission_begin(const struct submissions *submissions, struct request *request,
                      const struct submission_kind *kind, int wait_ms);
/*
 * Publishes the command. Calls `failed` if the deadline has already answered the request, or if the clock is wrong:
 * then receivedAt is wrong, too.
 */
void submission_publish(struct request *request);
/* Waits for the decision of a command that an earlier request with the same id has published. */
void submission_wait(struct request *request);
/* `pending` and `failed` of changes of auctions and sales: 202 with the command's id, and 503. */
void submission_change_pending(struct request *request);
void submission_change_failed(struct request *request, bool sent);

#endif
