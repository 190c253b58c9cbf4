/*
 * The terms of an auction that a seller chooses: read from a body, checked, and converted into values for SQL. Callers:
 * auctions.c (creates an auction), changes.c (changes one), quote.c (increments).
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_TERMS_H
#define ROSTRUM_GATEWAY_AUCTION_TERMS_H

#include "common/base/clock.h"
#include "common/base/money.h"
#include "common/io/pg.h"
#include "common/rules/increments.h"
#include "gateway/http/reply.h"

/* The latest endTime, from now: a leap year. */
#define TERMS_END_MOST_MS (INT64_C(366) * 86400 * 1000)

/* Limits of times, also of flash sales. */
enum {
    TERMS_DURATION_LEAST_MS = 1000,
    TERMS_PAST_TOLERANCE_MS = 60000, /* a time this much in the past comes from a client's clock and means now */
};

/* Limits of texts in characters, also of items and products. */
enum {
    TERMS_TITLE_MOST = 255,
    TERMS_CATEGORY_MOST = 100,
    TERMS_DESCRIPTION_MOST = 20000, /* even as four-byte UTF-8 they mostly fit the body limit of 64 KiB */
};

/* Texts are borrowed from the body or the row. Money is in minor units, 0: none. */
struct terms {
    const char *title;
    const char *description;
    const char *category;
    int64_t starting_price;
    int64_t reserve_price;
    int64_t buy_now_price;
    int64_t bid_increment;    /* 0: a table applies */
    const struct json *table; /* the table in the body; NULL: none */
    const char *stored_table; /* the stored table; NULL: none */
    bool has_item;
    struct uuid item;
    bool draft; /* the body asks for a draft */
    int64_t start_ms;
    int64_t end_ms;
    int64_t snipe_window_s;
    int64_t snipe_extension_s;
    int64_t snipe_max; /* -1: no cap */
};

/* The defaults of a new auction that starts at `now_ms`. title, startingPrice and endTime have none. */
struct terms terms_default(int64_t now_ms);
/* Terms from a row of VIEW_COLUMNS; borrows from it. */
struct terms terms_of_row(const PGresult *result, int row);

struct terms_reading {
    bool change;      /* changes existing terms: only `version` is required; no item, no draft */
    bool started;     /* startTime cannot be changed any more */
    int64_t now_ms;   /* times before it are in the past */
    int64_t *version; /* of a change: the version that the seller saw */
};

/* Updates `terms` from the request's body. False: the body is invalid, and the request was ENDED with 400. */
MUST_CHECK bool terms_read(struct request *request, const struct terms_reading *reading, struct terms *terms);

/* Reads the required endTime of an extension, also of a flash sale. The decision compares it with the present end. */
void terms_read_new_end(const struct json *body, int64_t now_ms, int64_t *end_ms, struct field_errors *field_errors);

/*
 * Reads bidIncrement or incrementTable of a body, for terms_read and quotes. Absent members leave *bid_increment and
 * *table unchanged. False if an amount is invalid: the caller answers 400 INVALID_AMOUNT.
 */
MUST_CHECK bool terms_read_increments(const struct json *body, int64_t *bid_increment, const struct json **table,
                                      struct increments *increments, struct field_errors *field_errors);

/* Values $1 to $13 of a statement: those of TERMS_COLUMNS, then the endTime. */
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

/* Borrows from `terms`, `text` and the worker's writer: use the values before writing an answer. */
void terms_values(struct request *request, const struct terms *terms, struct terms_text *text,
                  const char *values[static TERMS_VALUES]);

#endif
