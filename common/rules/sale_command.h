/*
 * A command to a flash sale and its decision. Callers: those of sale_rules.h.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_COMMAND_H
#define ROSTRUM_COMMON_RULES_SALE_COMMAND_H

#include "common/rules/sale_set.h"

struct sale_command {
    enum sale_command_kind kind;
    bool paid;            /* CONFIRM: by a payment callback, not by a user. FAIL always is. */
    bool banned;          /* JOIN, ORDER: the user is banned at the time of the decision */
    bool stale;           /* UPDATE: the sale has changed since the sender read it */
    struct uuid id;       /* ORDER: also that of the order. By a payment callback: hash of reference and outcome. */
    struct uuid user_id;  /* JOIN, LEAVE, ORDER, CANCEL, CONFIRM by a user */
    int64_t quantity;     /* JOIN, ORDER */
    struct uuid order_id; /* CONFIRM, FAIL, CANCEL */
    int64_t amount;       /* `paid`: of the payment */
    int64_t received_ms;  /* EXPIRE, FENCE: time of the query for what is due, less fence_grace_ms */
    /*
     * ORDER, CONFIRM, EXPIRE: time before `received_ms` in which the deployment refused commands. It does not run
     * against turns and reservations: they are due so much later. From 0 to SALE_TIME_MS_MAX; the ledger keeps it.
     */
    int64_t refused_ms;
    int64_t end_ms;                 /* EXTEND: the requested end */
    const struct sale_terms *terms; /* UPDATE: the new terms; else ignored */
};

struct sale_decision {
    enum sale_verdict verdict;
    enum sale_reason reason; /* of REJECTED */
    struct uuid user_id;     /* as in struct sale_row */
    int64_t quantity;        /* as in struct sale_row, but of an unchanged JOIN that of the entry */
    int64_t place;           /* as in struct sale_row */
    bool refund_due;         /* a payment made the order `refund_due` */
    bool payment_unused; /* a payment was rejected, and no order is `refund_due` for it: an admin has to return it */
    bool unfinished;     /* EXPIRE ended SALE_EXPIRE_MAX turns or reservations; more may be due */
    bool extended;       /* the end was moved by EXTEND */
    /* the states that the sale reached by this command */
    bool opened;
    bool started;
    bool ended;
    bool settled;
    bool sold_out;
    bool cancelled;
};

/* What must be loaded for a batch of commands. */
struct sale_needs {
    size_t heads;   /* so many waiting entries, the lowest seqs first */
    size_t due;     /* so many turns and so many reservations that are due at `due_ms`, the lowest seqs first */
    int64_t due_ms; /* a turn or reservation with `expires_ms` up to this is due */
};

/* What must be loaded for a command beside that. */
enum sale_needs_of {
    SALE_NEEDS_NOTHING,
    SALE_NEEDS_USER,  /* the user, with held units and live entry */
    SALE_NEEDS_ORDER, /* the order, or that it does not exist; of a payment also the order's user, as above */
};

/* Without a command: for the turns that an earlier transaction left. */
struct sale_needs sale_needs_none(void);
/* Adds a command of the batch. */
void sale_needs_add(struct sale_needs *needs, const struct sale_command *command);
enum sale_needs_of sale_needs_of(const struct sale_command *command);

/* For the rules. */
struct sale_decision sale_rejected(enum sale_reason reason);

#endif
