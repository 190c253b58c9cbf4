/*
 * The rows of one flash sale in PostgreSQL, written by the rules as the sale worker would: commands are decided in
 * memory, and sale_book_write inserts everything at the end. For tests that read the tables without running a worker.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SALE_BOOK_H
#define ROSTRUM_TESTS_SUPPORT_SALE_BOOK_H

#include <libpq-fe.h>

#include "common/protocol/hash_chain.h"
#include "common/rules/sale_rules.h"

enum { SALE_BOOK_ROWS_MAX = 8192, SALE_BOOK_UPDATES_MAX = 8, SALE_BOOK_REFUNDS_MAX = 4096 };

struct sale_book {
    struct uuid id;
    struct sale_terms first;
    struct sale_set set; /* complete */
    struct sale_row rows[SALE_BOOK_ROWS_MAX];
    size_t row_count;
    struct {
        struct uuid id;
        struct sale_terms terms;
    } updates[SALE_BOOK_UPDATES_MAX];
    size_t update_count;
    size_t refunds[SALE_BOOK_REFUNDS_MAX]; /* indices of rows */
    size_t refund_count;
    size_t commands;
    char hash[HASH_CHAIN_TEXT_SIZE]; /* of the newest row that was written; "": none */
    bool changed;                    /* the first terms are no longer those of the sale */
};

/* The last byte of the sale's id is `number`. Ids of its commands follow from it and from their order. */
void sale_book_begin(struct sale_book *book, uint8_t number, const struct sale_terms *terms);
/* Decides the command, at its time of receipt, and gives it an id unless it has one. Returns the id. */
struct uuid sale_book_send(struct sale_book *book, struct sale_command command);
/* Keeps the command as one that could not be decided. Returns its id. */
struct uuid sale_book_undecided(struct sale_book *book, struct sale_command command);
/* Inserts all rows. Frees the book's memory. */
void sale_book_write(struct sale_book *book, PGconn *connection);

struct uuid sale_book_user(int number);

#endif
