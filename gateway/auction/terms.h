/*
 * What a seller may say about an auction: read from a body, checked, and made into values for SQL. Used where an
 * auction is made (auctions.c) and where one is changed (changes.c).
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_TERMS_H
#define ROSTRUM_GATEWAY_AUCTION_TERMS_H

#include "common/base/clock.h"
#include "common/base/money.h"
#include "common/io/pg.h"
#include "common/rules/increments.h"
#include "gateway/http/reply.h"

/* How far off an endTime may be: a year, leap years included. */
#define TERMS_END_MOST_MS (INT64_C(366) * 86400 * 1000)

/* Of a title and a description, also of items. */
enum {
    TERMS_TITLE_MOST = 255,
    TERMS_DESCRIPTION_MOST =
        20000, /* characters; fits the body limit of 64 KiB also in four-byte UTF-8 escapes mostly */
};

/* Texts are borrowed, from the body or the row. 0 for money: none. */
struct terms {
    const char *title;
    const char *description;
    const char *category;
    int64_t starting_price;
    int64_t reserve_price;
    int64_t buy_now_price;
    int64_t bid_increment;    /* 0: by a table */
    const struct json *table; /* the one asked for; NULL: none was */
    const char *stored_table; /* the present one; NULL: none */
    bool has_item;
    struct uuid item;
    bool draft; /* wanted as one */
    int64_t start_ms;
    int64_t end_ms;
    int64_t snipe_window_s;
    int64_t snipe_extension_s;
    int64_t snipe_max; /* -1: no cap */
};

/* The defaults of a new auction that starts at `now_ms`; title, startingPrice and endTime have none. */
struct terms terms_default(int64_t now_ms);
/* A row of VIEW_COLUMNS; borrows from it. */
struct terms terms_of_row(const PGresult *result, int row);

struct terms_reading {
    bool change;      /* of present terms: nothing is required, but `version`; no item, no draft */
    bool started;     /* startTime cannot be changed any more */
    int64_t now_ms;   /* what is not past */
    int64_t *version; /* of a change: what the seller saw */
};

/* Takes over what `request`'s body says. False: it is wrong, and the request was ENDED with 400. */
MUST_CHECK bool terms_read(struct request *request, const struct terms_reading *reading, struct terms *terms);

/*
 * bidIncrement or incrementTable of a body, for terms_read and quotes. False if an amount is none: 400 INVALID_AMOUNT.
 * Absent, *bid_increment and *table stay as they are.
 */
MUST_CHECK bool terms_read_increments(const struct json *body, int64_t *bid_increment, const struct json **table,
                                      struct increments *increments, struct field_errors *field_errors);
/* ENDS with 400 INVALID_AMOUNT and "field". */
void terms_reply_invalid_amount(struct request *request, const char *field);

/* Values $1 to $13 of a statement, in the order of TERMS_COLUMNS and the endTime. */
enum { TERMS_VALUES = 13, TERMS_NUMBER_SIZE = 24 };
#define TERMS_COLUMNS                                                                                                  \
    "title, description, category, starting_price, reserve_price, buy_now_price, increments, bid_increment,"           \
    " snipe_window_s, snipe_extension_s, snipe_max, start_time"

struct terms_text {
    char starting[MONEY_TEXT_SIZE];
    char reserve[MONEY_TEXT_SIZE];
    char buy_now[MONEY_TEXT_SIZE];
    char increment[MONEY_TEXT_SIZE];
    char window[TERMS_NUMBER_SIZE];
    char extension[TERMS_NUMBER_SIZE];
    char most[TERMS_NUMBER_SIZE];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
};

/* Borrows from `terms`, `text` and the worker's writer, so use them before anything is answered. */
void terms_values(struct request *request, const struct terms *terms, struct terms_text *text,
                  const char *values[static TERMS_VALUES]);

#endif
