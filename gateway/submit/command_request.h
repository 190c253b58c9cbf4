/*
 * The request of a user who sends a command to an auction or a flash sale: from the first check to the answer,
 * including its idempotency key. It passes through these steps:
 *
 *   begin    the key, the wishes of Prefer, no I/O                                              400, 503
 *   ask      admission and snapshot in one pipeline                                             401, 403, 422, 429
 *   find     only if the kind has it: finds out which sale the command is for                   404
 *   verify   the user's address, if required                                                    403
 *   load     a certain snapshot, if needed                                                      404
 *   check    the snapshot refuses what is certain, after it was confirmed                       400, 409
 *   publish  unless the shard's backlog is overdue; wait for the decision if asked for          200, 202, 204, 409, 503
 *
 * A snapshot is loaded if Redis has none, or if it refuses the command and may be outdated. Without Redis, the steps
 * from `ask` to `check` are skipped for clients with an access token: the worker of the queue decides. A request whose
 * deadline passes before `publish` is not published.
 *
 * A command with the key and body of an earlier one has the same id. It gets the first decision, and is published again
 * only if the first attempt may have failed.
 *
 * Callers: gateway/bid/bids.c, gateway/sale/sale_commands.c. Each gives a table of what its commands do differently.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_COMMAND_REQUEST_H
#define ROSTRUM_GATEWAY_SUBMIT_COMMAND_REQUEST_H

#include "common/service/config.h"
#include "gateway/access/admission.h"
#include "gateway/access/idempotency.h"
#include "gateway/account/verification.h"
#include "gateway/core/deployment.h"
#include "gateway/query/snapshot_loads.h"
#include "gateway/submit/submitting.h"

/* What the requests of a worker and family use. components.c fills it. */
struct command_requests {
    const struct config *config;
    const struct deployment *deployment;
    const struct backlog *backlog;
    struct pg *pg;
    struct snapshot_loads *snapshots;
    struct verification *verification;
    const struct submissions *submissions;
};

/* What a command does to the lead, to stock or to the line; so how it is checked. */
enum command_request_sort {
    COMMAND_REQUEST_TAKES,     /* needs a verified address; refused while the backlog is overdue */
    COMMAND_REQUEST_KEEPS,     /* keeps a promise or gives back: neither */
    COMMAND_REQUEST_LEAVES,    /* the same; waits for its decision, and only a key makes an entry in Redis */
    COMMAND_REQUEST_WITHDRAWS, /* the same without a key */
};

/* What the commands of a family do differently. A function that ENDS may end the request later. */
struct command_request_kind {
    /* Writes the command as it is shown until it is decided. */
    void (*write_pending)(const struct request *request, struct jsonw *json);
    /* Calls command_request_found, or ENDS. NULL: nothing is to be found. Called after the user was admitted. */
    void (*find)(struct request *request);
    /* Keeps the snapshot of a reply of Redis. False: there is none. */
    bool (*read_snapshot)(struct request *request, const redisReply *reply);
    /* Each calls command_request_loaded: from PostgreSQL; and the same, unless Redis has a fresh one. */
    void (*load_snapshot)(struct request *request);
    void (*confirm_snapshot)(struct request *request);
    /* Whether the snapshot is certain to refuse; `lasts`: one that is as old as you like refuses the same. */
    bool (*refused)(const struct request *request, enum error_code *reason, bool *lasts);
    /* ENDS with a refusal; never RATE_LIMITED. */
    void (*reply_refusal)(struct request *request, enum error_code code);
    /* Completes the command and calls submission_publish. */
    void (*publish)(struct request *request);
    void (*reply_pending)(struct request *request);                                        /* ENDS */
    void (*reply_decided)(struct request *request, const union submit_decision *decision); /* ENDS */
};

/* First member of its request's handler state. */
struct command_request {
    struct submission submission; /* first: see submission.h. Its command is the caller's to fill */
    struct admission admission;
    char key[IDEMPOTENCY_KEY_SIZE]; /* "": none */
    int wait_s;                     /* for the decision; 0: no wait */
    bool receipt;                   /* the client asked for one */
    bool snapshot_known;            /* the caller has kept one */

    /* Private to command_request.c. */
    const struct command_requests *shared;
    const struct command_request_kind *kind;
    enum command_request_sort sort;
    char key_hash[IDEMPOTENCY_HASH_SIZE]; /* "": none */
    int awaited;                          /* outstanding replies of Redis */
    bool certain;                         /* the snapshot is from PostgreSQL, or was just found fresh */
    enum error_code reason;               /* of the refusal, which is final unless the ledger has the command */
};

/* Allocates the handler state, `size` bytes, and reads the headers. NULL: the request was ENDED. */
MUST_CHECK struct command_request *command_request_begin(struct request *request, const struct command_requests *shared,
                                                         const struct command_request_kind *kind,
                                                         enum command_request_sort sort, size_t size);
/* ENDS. The command is complete. `submission` has command_request_failed. */
void command_request_send(struct request *request, const struct submission_kind *submission);

/* --- for the functions of the kind --- */

/* ENDS: `find` has completed the command. */
void command_request_found(struct request *request);
/* ENDS: the caller has kept the snapshot, if one was found. */
void command_request_loaded(struct request *request, enum snapshots_outcome outcome);
/* ENDS: publishes, unless the backlog is overdue. For a kind whose command needs no snapshot. */
void command_request_publish(struct request *request);
/* ENDS with the refusal, after it has released the key. */
void command_request_refuse(struct request *request, enum error_code code);
/* Releases the key of a command that was not queued and is not refused. */
void command_request_forget(struct request *request);
/* For `confirmed` of the submission: a repetition is not published again. */
void command_request_confirmed(struct request *request);
/* `failed` of the submission. */
void command_request_failed(struct request *request, bool sent);

#endif
