/*
 * Every SQL statement of the bid worker, but for those by which shards find their owner (ownership.c).
 */
#ifndef ROSTRUM_BIDWORKER_STATEMENTS_H
#define ROSTRUM_BIDWORKER_STATEMENTS_H

#include "common/outbox.h"
#include "common/pg.h"

enum statement {
    STATEMENT_TOPOLOGY,
    STATEMENT_LOCK,
    STATEMENT_KNOWN,
    STATEMENT_BANNED,
    STATEMENT_NEWEST,
    STATEMENT_INSERT_BIDS,
    STATEMENT_UPDATE_AUCTIONS,
    STATEMENT_UPDATE_BROKEN,
    STATEMENT_SUSPECT,
    STATEMENT_CLEAR_SUSPECT,
    STATEMENT_OUTBOX, /* and those that follow: common/outbox.h */
    STATEMENTS = STATEMENT_OUTBOX + OUTBOX_STATEMENTS
};

/* Settings of the sessions that run them. */
extern const char statements_session[];
extern const struct pg_statement statements_all[STATEMENTS];

/* Columns of STATEMENT_LOCK. */
enum {
    LOCK_ID,
    LOCK_SELLER,
    LOCK_STARTING_PRICE,
    LOCK_RESERVE_PRICE,
    LOCK_INCREMENTS,
    LOCK_SNIPE_WINDOW_S,
    LOCK_SNIPE_EXTENSION_S,
    LOCK_SNIPE_MAX,
    LOCK_START_MS,
    LOCK_TERMS_VERSION,
    LOCK_STATUS,
    LOCK_END_MS,
    LOCK_EXTENSIONS_USED,
    LOCK_CURRENT_BID,
    LOCK_BID_COUNT,
    LOCK_LEADER,
    LOCK_LEADER_MAX,
    LOCK_LEADER_BID,
    LOCK_LEADER_BY_PROXY,
    LOCK_RUNNER_UP_MAX,
    LOCK_LEDGER_SEQ,
    LOCK_VERSION,
};

/* Columns of STATEMENT_KNOWN. */
enum { KNOWN_NUMBER, KNOWN_AMOUNT, KNOWN_MAX_AMOUNT, KNOWN_STATUS, KNOWN_REASON, KNOWN_RECEIVED_MS, KNOWN_DECIDED_MS };

#endif
