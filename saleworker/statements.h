/*
 * All SQL statements of the sale worker, except those of the shards' ownership (common/worker/ownership.c).
 */
#ifndef ROSTRUM_SALEWORKER_STATEMENTS_H
#define ROSTRUM_SALEWORKER_STATEMENTS_H

#include "common/io/pg.h"
#include "common/protocol/sale_snapshot.h"
#include "common/worker/ledger_tx.h"

enum statement {
    STATEMENT_LOCK,
    STATEMENT_KNOWN,
    STATEMENT_TERMS,
    STATEMENT_USERS,
    STATEMENT_ORDERS,
    STATEMENT_HEADS,
    STATEMENT_TURNS,
    STATEMENT_RESERVED,
    STATEMENT_MISSED,
    STATEMENT_INSERT_LEDGER,
    STATEMENT_INSERT_ENTRIES,
    STATEMENT_UPDATE_ENTRIES,
    STATEMENT_INSERT_ORDERS,
    STATEMENT_UPDATE_ORDERS,
    STATEMENT_ADD_BLOCKS,
    STATEMENT_TAKE_BLOCKS,
    STATEMENT_KEEP_TERMS,
    STATEMENT_UPDATE_SALES,
    STATEMENT_INSERT_REFUNDS,
    STATEMENT_CHANGED,
    STATEMENT_WORKER, /* and those that follow: common/worker/ledger_tx.h */
    STATEMENTS = STATEMENT_WORKER + LEDGER_TX_STATEMENTS
};

/* Settings of the sessions that run the statements. */
extern const char statements_session[];
extern const struct pg_statement statements_all[STATEMENTS];

/* Columns of STATEMENT_LOCK after those of the snapshot. */
enum {
    LOCK_HASH = SALE_SNAPSHOT_COLUMN_COUNT,
    LOCK_NOW_MS, /* of the database; the other columns are null if there is no sale */
};

/* Columns of an entry, and of an order; the statements below have them after their own. */
enum { ENTRY_SEQ, ENTRY_ID, ENTRY_USER, ENTRY_WANTED, ENTRY_CLAIM, ENTRY_STATUS, ENTRY_EXPIRES_MS, ENTRY_COLUMNS };
enum {
    ORDER_ID,
    ORDER_SEQ,
    ORDER_USER,
    ORDER_QUANTITY,
    ORDER_TOTAL,
    ORDER_STATUS,
    ORDER_REASON,
    ORDER_EXPIRES_MS,
    ORDER_PAYMENT,
    ORDER_COLUMNS
};

/* Columns of STATEMENT_KNOWN: then an entry and an order, each perhaps null. */
enum {
    KNOWN_NUMBER,
    KNOWN_STATUS,
    KNOWN_REASON,
    KNOWN_QUANTITY,
    KNOWN_RECEIVED_MS,
    KNOWN_DECIDED_MS,
    KNOWN_ENTRY,
    KNOWN_ORDER = KNOWN_ENTRY + ENTRY_COLUMNS
};

/* Columns of STATEMENT_TERMS: then those of the terms (sale_members.h). */
enum { TERMS_NUMBER, TERMS_FIRST };

/* Columns of STATEMENT_USERS: then an entry, perhaps null. */
enum { USERS_SALE, USERS_ID, USERS_HELD, USERS_ENTRY };

/* Columns of STATEMENT_ORDERS and STATEMENT_RESERVED: then an order. The first has a null order if there is none. */
enum { ORDERS_SALE, ORDERS_ASKED, ORDERS_ORDER };

/* Columns of STATEMENT_HEADS and STATEMENT_TURNS: then an entry. */
enum { LINE_SALE, LINE_ENTRY };

#endif
