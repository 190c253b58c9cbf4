/*
 * Compares what the replay of a flash sale's ledger made (sale_replay.h) with the tables of places, orders and blocks
 * of the line. Rows come in the order of their numbers. No I/O except printing differences. Called by sale_verify.c.
 *
 * Rows of a sale that is over stay as they were: its waiting places are not checked by blocks, which nobody reads then.
 */
#ifndef ROSTRUM_DEPLOY_CTL_SALE_ROWS_H
#define ROSTRUM_DEPLOY_CTL_SALE_ROWS_H

#include "deploy/ctl/sale_replay.h"

/* The first column of each is the sale's id. */
extern const struct stream_query SALE_ROWS_PLACES;
extern const struct stream_query SALE_ROWS_ORDERS;
extern const struct stream_query SALE_ROWS_BLOCKS;

/* What of the set was compared. */
struct sale_rows {
    struct sale_replay *replay;
    size_t places;
    size_t orders;
    size_t line; /* index of the first entry that no block before has counted */
};

/* Call after sale_replay_end; the replay outlives the comparison. */
struct sale_rows sale_rows_begin(struct sale_replay *replay);
/* The next row of each table, in its order. */
void sale_rows_place(struct sale_rows *rows, const PGresult *result, int row);
void sale_rows_order(struct sale_rows *rows, const PGresult *result, int row);
void sale_rows_block(struct sale_rows *rows, const PGresult *result, int row);
/* Whether an order was rejected without the rules: its command could not be decided, or its sale does not exist. */
bool sale_rows_order_rejected(const PGresult *result, int row);
/* Call after the last row of all: reports those that are missing. */
void sale_rows_end(struct sale_rows *rows);

#endif
