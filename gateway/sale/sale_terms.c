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

#define NAME(member) (sale_members[SALE_MEMBER_##member].name)

struct sale_terms sale_terms_default(void)
{
    return (struct sale_terms){
        .per_user_limit = 1,
        .turn_ms = TURN_DEFAULT_MS,
        .reservation_ms = RESERVATION_DEFAULT_MS,
        .payment = SALE_PAYMENT_NONE,
    };
}

bool sale_terms_of_row(const PGresult *result, int row, struct sale_terms *terms)
{
    struct sale_snapshot found;
    bool known = sale_view_read(result, row, &found);
    *terms = found.sale.terms;
    return known;
}

/* --- reading --- */

/* False: the price is invalid (400 INVALID_AMOUNT). */
static bool read_price(const struct json *body, struct sale_terms *terms, struct field_errors *field_errors)
{
    enum fields_money read = fields_money(body, NAME(PRICE), &terms->price);
    if (read == FIELDS_MONEY_ABSENT && terms->price == 0) {
        field_errors_add(field_errors, NAME(PRICE), FIELD_REQUIRED);
    }
    return read != FIELDS_MONEY_INVALID;
}

static void read_stock(const struct json *body, enum fields_need need, struct sale_terms *terms,
                       struct field_errors *field_errors)
{
    (void)fields_int(body, NAME(QUANTITY), need, 1, SALE_QUANTITY_MAX, &terms->quantity, field_errors);
    /* All units of a user together have a price that can be written. */
    int64_t most = terms->price > 0 ? MONEY_MAX / terms->price : SALE_QUANTITY_MAX;
    most = most < SALE_QUANTITY_MAX ? most : SALE_QUANTITY_MAX;
    size_t before = field_errors->count;
    bool read = fields_int(body, NAME(LIMIT), FIELDS_OPTIONAL, 1, most, &terms->per_user_limit, field_errors);
    if (!read && field_errors->count == before && terms->per_user_limit > most) {
        field_errors_add_two(field_errors, NAME(LIMIT), FIELD_INVALID_NUMBER, parameter_number("min", 1),
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
    read_future(body, NAME(START), need, reading->now_ms, &terms->start_ms, field_errors);
    read_future(body, NAME(JOIN), FIELDS_OPTIONAL, reading->now_ms, &terms->join_ms, field_errors);
    (void)fields_time(body, NAME(END), need, &terms->end_ms, field_errors);
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
        field_errors_add_one(field_errors, NAME(JOIN), FIELD_TOO_LATE, parameter_time("max", terms->start_ms));
    }
    if (terms->end_ms < terms->start_ms + TERMS_DURATION_LEAST_MS) {
        field_errors_add_one(field_errors, NAME(END), FIELD_TOO_EARLY,
                             parameter_time("min", terms->start_ms + TERMS_DURATION_LEAST_MS));
    } else if (terms->end_ms > reading->now_ms + TERMS_END_MOST_MS) {
        field_errors_add_one(field_errors, NAME(END), FIELD_TOO_LATE,
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
    if (!fields_text(body, NAME(PAYMENT), FIELDS_OPTIONAL, 1, PAYMENT_MOST, &word, field_errors)) {
        return;
    }
    if (!sale_payment_parse(word, &terms->payment)) {
        field_errors_add_one(field_errors, NAME(PAYMENT), FIELD_UNKNOWN_VALUE,
                             parameter_words("allowed", "none callback"));
    } else if (terms->payment == SALE_PAYMENT_CALLBACK && !payments) {
        field_errors_add(field_errors, NAME(PAYMENT), FIELD_PAYMENTS_OFF);
    }
}

/* The members that a body may have: those of the terms, and one more. */
static void list_names(const char *more, const char *names[static SALE_MEMBER_TERMS_COUNT + 2])
{
    for (size_t i = 0; i < SALE_MEMBER_TERMS_COUNT; i++) {
        names[i] = sale_members[SALE_MEMBER_PRICE + i].name;
    }
    names[SALE_MEMBER_TERMS_COUNT] = more;
    names[SALE_MEMBER_TERMS_COUNT + 1] = NULL;
}

bool sale_terms_read(struct request *request, const struct sale_terms_reading *reading, struct sale_terms *terms)
{
    const char *names[SALE_MEMBER_TERMS_COUNT + 2];
    const struct json *body = request->body;
    struct field_errors field_errors = {.count = 0};
    list_names(reading->change ? "version" : "productId", names);
    fields_known(body, names, &field_errors);
    if (!read_price(body, terms, &field_errors)) {
        reply_invalid_amount(request, NAME(PRICE));
        return false;
    }
    if (reading->change) {
        (void)fields_int(body, "version", FIELDS_REQUIRED, 1, INT64_MAX, reading->version, &field_errors);
    } else {
        (void)fields_uuid(body, "productId", FIELDS_REQUIRED, reading->product, &field_errors);
    }
    read_stock(body, reading->change ? FIELDS_OPTIONAL : FIELDS_REQUIRED, terms, &field_errors);
    read_times(body, reading, terms, &field_errors);
    read_seconds(body, NAME(TURN), &terms->turn_ms, &field_errors);
    read_seconds(body, NAME(RESERVATION), &terms->reservation_ms, &field_errors);
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

static void write_value(const struct sale_snapshot *snapshot, enum sale_member member,
                        char out[static SALE_TERMS_TEXT_SIZE])
{
    switch (sale_members[member].type) {
    case SALE_MEMBER_MONEY:
        money_format(sale_member_value(snapshot, member), out);
        break;
    case SALE_MEMBER_TIME:
        clock_format(sale_member_value(snapshot, member), out);
        break;
    case SALE_MEMBER_NUMBER:
        (void)snprintf(out, SALE_TERMS_TEXT_SIZE, "%" PRId64, sale_member_value(snapshot, member));
        break;
    case SALE_MEMBER_SECONDS:
        (void)snprintf(out, SALE_TERMS_TEXT_SIZE, "%" PRId64, sale_member_value(snapshot, member) / MS_PER_S);
        break;
    case SALE_MEMBER_WORD:
        (void)snprintf(out, SALE_TERMS_TEXT_SIZE, "%s", sale_member_text(snapshot, member));
        break;
    }
}

void sale_terms_values(const struct sale_terms *terms, struct sale_terms_text *text,
                       const char *values[static SALE_TERMS_VALUES])
{
    const struct sale_snapshot snapshot = {.sale.terms = *terms};
    for (size_t i = 0; i < SALE_TERMS_VALUES; i++) {
        write_value(&snapshot, SALE_MEMBER_PRICE + i, text->values[i]);
        values[i] = text->values[i];
    }
}
