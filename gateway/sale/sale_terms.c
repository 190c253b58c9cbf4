/*
 * See sale_terms.h. A change starts from the present terms and overwrites them with the members of the body.
 */
#include "gateway/sale/sale_terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/auction/terms.h"
#include "gateway/http/fields.h"
#include "gateway/sale/sale_view.h"

enum {
    MS_PER_S = 1000,
    JOIN_DEFAULT_MS = 900000, /* users may join so long before the start, unless the body says otherwise */
    TURN_DEFAULT_MS = 120000,
    RESERVATION_DEFAULT_MS = 300000,
    SECONDS_MOST = SALE_DURATION_MS_MAX / MS_PER_S,
    PAYMENT_MOST = 16, /* characters */
};

struct sale_terms sale_terms_default(void)
{
    return (struct sale_terms){
        .per_user_limit = 1,
        .turn_ms = TURN_DEFAULT_MS,
        .reservation_ms = RESERVATION_DEFAULT_MS,
        .payment = SALE_PAYMENT_NONE,
    };
}

struct sale_terms sale_terms_of_row(const PGresult *result, int row)
{
    enum sale_payment payment = SALE_PAYMENT_NONE;
    bool known = sale_payment_parse(pg_text(result, row, SALE_VIEW_PAYMENT), &payment);
    return (struct sale_terms){
        .price = pg_money(result, row, SALE_VIEW_PRICE),
        .quantity = pg_int(result, row, SALE_VIEW_QUANTITY),
        .per_user_limit = pg_int(result, row, SALE_VIEW_PER_USER_LIMIT),
        .join_ms = pg_int(result, row, SALE_VIEW_JOIN),
        .start_ms = pg_int(result, row, SALE_VIEW_START),
        .end_ms = pg_int(result, row, SALE_VIEW_END),
        .turn_ms = pg_int(result, row, SALE_VIEW_TURN) * MS_PER_S,
        .reservation_ms = pg_int(result, row, SALE_VIEW_RESERVATION) * MS_PER_S,
        .payment = known ? payment : SALE_PAYMENT_NONE,
    };
}

/* --- reading --- */

/* False: the price is invalid (400 INVALID_AMOUNT). */
static bool read_price(const struct json *body, struct sale_terms *terms, struct field_errors *field_errors)
{
    enum fields_money read = fields_money(body, "flashPrice", &terms->price);
    if (read == FIELDS_MONEY_ABSENT && terms->price == 0) {
        field_errors_add(field_errors, "flashPrice", FIELD_REQUIRED);
    }
    return read != FIELDS_MONEY_INVALID;
}

static void read_stock(const struct json *body, enum fields_need need, struct sale_terms *terms,
                       struct field_errors *field_errors)
{
    (void)fields_int(body, "quantityAvailable", need, 1, SALE_QUANTITY_MAX, &terms->quantity, field_errors);
    /* All units of a user together have a price that can be written. */
    int64_t most = terms->price > 0 ? MONEY_MAX / terms->price : SALE_QUANTITY_MAX;
    most = most < SALE_QUANTITY_MAX ? most : SALE_QUANTITY_MAX;
    size_t before = field_errors->count;
    bool read = fields_int(body, "perUserLimit", FIELDS_OPTIONAL, 1, most, &terms->per_user_limit, field_errors);
    if (!read && field_errors->count == before && terms->per_user_limit > most) {
        field_errors_add_two(field_errors, "perUserLimit", FIELD_INVALID_NUMBER, parameter_number("min", 1),
                             parameter_number("max", most));
    }
}

/* Reads a time that is not in the past, unless it is unchanged. */
static void read_future(const struct json *body, const char *name, enum fields_need need, int64_t now_ms, int64_t *ms,
                        struct field_errors *field_errors)
{
    int64_t given_ms = 0;
    if (!fields_time(body, name, need, &given_ms, field_errors) || given_ms == *ms) {
        return;
    }
    if (given_ms < now_ms - TERMS_PAST_TOLERANCE_MS) {
        field_errors_add_one(field_errors, name, FIELD_TOO_EARLY, parameter_time("min", now_ms));
    }
    *ms = given_ms < now_ms ? now_ms : given_ms;
}

static void read_times(const struct json *body, const struct sale_terms_reading *reading, struct sale_terms *terms,
                       struct field_errors *field_errors)
{
    enum fields_need need = reading->change ? FIELDS_OPTIONAL : FIELDS_REQUIRED;
    const struct sale_terms present = *terms;
    size_t before = field_errors->count;
    read_future(body, "startTime", need, reading->now_ms, &terms->start_ms, field_errors);
    read_future(body, "joinTime", FIELDS_OPTIONAL, reading->now_ms, &terms->join_ms, field_errors);
    (void)fields_time(body, "endTime", need, &terms->end_ms, field_errors);
    if (field_errors->count > before) {
        return; /* the times are not known, and so not compared */
    }
    if (reading->change && terms->join_ms == present.join_ms && terms->start_ms == present.start_ms &&
        terms->end_ms == present.end_ms) {
        return; /* of a sale that was closed, the end may follow the start at once: the decision answers */
    }
    if (terms->join_ms == 0) {
        int64_t join_ms = terms->start_ms - JOIN_DEFAULT_MS;
        terms->join_ms = join_ms > reading->now_ms ? join_ms : reading->now_ms;
    }
    if (terms->join_ms > terms->start_ms) {
        field_errors_add_one(field_errors, "joinTime", FIELD_TOO_LATE, parameter_time("max", terms->start_ms));
    }
    if (terms->end_ms < terms->start_ms + TERMS_DURATION_LEAST_MS) {
        field_errors_add_one(field_errors, "endTime", FIELD_TOO_EARLY,
                             parameter_time("min", terms->start_ms + TERMS_DURATION_LEAST_MS));
    } else if (terms->end_ms > reading->now_ms + TERMS_END_MOST_MS) {
        field_errors_add_one(field_errors, "endTime", FIELD_TOO_LATE,
                             parameter_time("max", reading->now_ms + TERMS_END_MOST_MS));
    }
}

static void read_seconds(const struct json *body, const char *name, int64_t *ms, struct field_errors *field_errors)
{
    int64_t seconds = 0;
    if (fields_int(body, name, FIELDS_OPTIONAL, 1, SECONDS_MOST, &seconds, field_errors)) {
        *ms = seconds * MS_PER_S;
    }
}

/* A present `callback` may stay without callbacks of payments, but none is asked for: nobody could confirm the orders.
 */
static void read_payment(const struct json *body, bool payments, struct sale_terms *terms,
                         struct field_errors *field_errors)
{
    const char *word = NULL;
    if (!fields_text(body, "payment", FIELDS_OPTIONAL, 1, PAYMENT_MOST, &word, field_errors)) {
        return;
    }
    if (!sale_payment_parse(word, &terms->payment)) {
        field_errors_add_one(field_errors, "payment", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "none callback"));
    } else if (terms->payment == SALE_PAYMENT_CALLBACK && !payments) {
        field_errors_add(field_errors, "payment", FIELD_PAYMENTS_OFF);
    }
}

#define TERMS_NAMES                                                                                                    \
    "flashPrice", "quantityAvailable", "perUserLimit", "joinTime", "startTime", "endTime", "turnSeconds",              \
        "reservationSeconds", "payment"

bool sale_terms_read(struct request *request, const struct sale_terms_reading *reading, struct sale_terms *terms)
{
    static const char *const new_names[] = {TERMS_NAMES, "productId", NULL};
    static const char *const change_names[] = {TERMS_NAMES, "version", NULL};
    const struct json *body = request->body;
    struct field_errors field_errors = {.count = 0};
    fields_known(body, reading->change ? change_names : new_names, &field_errors);
    if (!read_price(body, terms, &field_errors)) {
        reply_invalid_amount(request, "flashPrice");
        return false;
    }
    if (reading->change) {
        (void)fields_int(body, "version", FIELDS_REQUIRED, 1, INT64_MAX, reading->version, &field_errors);
    } else {
        (void)fields_uuid(body, "productId", FIELDS_REQUIRED, reading->product, &field_errors);
    }
    read_stock(body, reading->change ? FIELDS_OPTIONAL : FIELDS_REQUIRED, terms, &field_errors);
    read_times(body, reading, terms, &field_errors);
    read_seconds(body, "turnSeconds", &terms->turn_ms, &field_errors);
    read_seconds(body, "reservationSeconds", &terms->reservation_ms, &field_errors);
    read_payment(body, reading->payments, terms, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return false;
    }
    if (!sale_terms_valid(terms)) {
        reply_error(request, ERROR_INTERNAL_ERROR); /* the checks above are incomplete */
        return false;
    }
    return true;
}

/* --- for SQL --- */

static void write_number(int64_t number, char out[static SALE_TERMS_NUMBER_SIZE])
{
    (void)snprintf(out, SALE_TERMS_NUMBER_SIZE, "%" PRId64, number);
}

void sale_terms_values(const struct sale_terms *terms, struct sale_terms_text *text,
                       const char *values[static SALE_TERMS_VALUES])
{
    const char *filled[SALE_TERMS_VALUES] = {
        text->price, text->quantity,    text->limit,
        text->join,  text->start,       text->end,
        text->turn,  text->reservation, sale_payment_text(terms->payment),
    };
    money_format(terms->price, text->price);
    write_number(terms->quantity, text->quantity);
    write_number(terms->per_user_limit, text->limit);
    clock_format(terms->join_ms, text->join);
    clock_format(terms->start_ms, text->start);
    clock_format(terms->end_ms, text->end);
    write_number(terms->turn_ms / MS_PER_S, text->turn);
    write_number(terms->reservation_ms / MS_PER_S, text->reservation);
    memcpy(values, filled, sizeof(filled));
}
