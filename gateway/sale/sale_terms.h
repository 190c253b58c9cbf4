/*
 * The terms of a flash sale that an admin chooses: read from a body, checked, and converted into values for SQL.
 * Callers: sales.c (creates a sale), and the update of a sale.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_TERMS_H
#define ROSTRUM_GATEWAY_SALE_SALE_TERMS_H

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "common/io/pg.h"
#include "common/protocol/sale_members.h"
#include "common/rules/sale_set.h"
#include "gateway/http/reply.h"

struct sale_terms_reading {
    bool change;          /* changes existing terms: only `version` is required; no product */
    bool payments;        /* callbacks of payments are accepted: the body may ask for them */
    int64_t now_ms;       /* times before it are in the past */
    int64_t *version;     /* of a change: the version that the admin saw; else unused */
    struct uuid *product; /* of a new sale; else unused */
};

/* The defaults of a new sale. flashPrice, quantityAvailable, startTime and endTime have none. */
struct sale_terms sale_terms_default(void);
/* Reads the terms of a row of SALE_VIEW_COLUMNS. False: as sale_view_read. */
MUST_CHECK bool sale_terms_of_row(const PGresult *result, int row, struct sale_terms *terms);
/*
 * Overwrites `terms` with the members of the request's body. After true they satisfy sale_terms_valid. False: the body
 * is invalid, and the request was ENDED with 400.
 */
MUST_CHECK bool sale_terms_read(struct request *request, const struct sale_terms_reading *reading,
                                struct sale_terms *terms);

/* Values $1 to $9 of a statement: those of SALE_TERMS_COLUMNS, of the tables flash_sales and sale_terms, in the order
 * of enum sale_member. */
enum { SALE_TERMS_VALUES = SALE_MEMBER_TERMS_COUNT, SALE_TERMS_TEXT_SIZE = 32 };
static_assert((int)SALE_TERMS_TEXT_SIZE >= (int)MONEY_TEXT_SIZE && (int)SALE_TERMS_TEXT_SIZE >= (int)CLOCK_TEXT_SIZE,
              "each value has room");
#define SALE_TERMS_COLUMNS                                                                                             \
    "price, quantity, per_user_limit, join_time, start_time, end_time, turn_s, reservation_s, payment"

/* Members of the audit log's JSON, from these columns of any row. */
#define SALE_TERMS_JSON                                                                                                \
    "'flashPrice', price, 'quantityAvailable', quantity, 'perUserLimit', per_user_limit, 'joinTime', join_time,"       \
    " 'startTime', start_time, 'endTime', end_time, 'turnSeconds', turn_s, 'reservationSeconds', reservation_s,"       \
    " 'payment', payment"

struct sale_terms_text {
    char values[SALE_TERMS_VALUES][SALE_TERMS_TEXT_SIZE];
};

/* The values point into `text`. */
void sale_terms_values(const struct sale_terms *terms, struct sale_terms_text *text,
                       const char *values[static SALE_TERMS_VALUES]);

#endif
