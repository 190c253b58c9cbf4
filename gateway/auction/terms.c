/*
 * See terms.h. A change starts from the present terms and overwrites them with the members of the body. null removes an
 * optional member.
 */
#include "gateway/auction/terms.h"

#include <stdio.h>
#include <string.h>

#include "gateway/auction/view.h"
#include "gateway/http/fields.h"

enum {
    SNIPE_MOST_S = 86400,         /* a day */
    SNIPE_EXTENSIONS_MOST = 1000, /* far more than any real auction needs */
    SNIPE_DEFAULT_S = 120,
    BID_INCREMENT_DEFAULT = 100, /* minor units: 1.00 */
};

struct terms terms_default(int64_t now_ms)
{
    return (struct terms){
        .description = "",
        .category = "",
        .bid_increment = BID_INCREMENT_DEFAULT,
        .start_ms = now_ms,
        .snipe_window_s = SNIPE_DEFAULT_S,
        .snipe_extension_s = SNIPE_DEFAULT_S,
        .snipe_max = -1,
    };
}

struct terms terms_of_row(const PGresult *result, int row)
{
    bool fixed = !pg_null(result, row, VIEW_BID_INCREMENT);
    return (struct terms){
        .title = pg_text(result, row, VIEW_TITLE),
        .description = pg_text(result, row, VIEW_DESCRIPTION),
        .category = pg_text(result, row, VIEW_CATEGORY),
        .starting_price = pg_money(result, row, VIEW_STARTING_PRICE),
        .reserve_price = pg_money(result, row, VIEW_RESERVE_PRICE),
        .buy_now_price = pg_money(result, row, VIEW_BUY_NOW_PRICE),
        .bid_increment = fixed ? pg_money(result, row, VIEW_BID_INCREMENT) : 0,
        .stored_table = fixed ? NULL : pg_text(result, row, VIEW_INCREMENTS),
        .start_ms = pg_int(result, row, VIEW_START),
        .end_ms = pg_int(result, row, VIEW_END),
        .snipe_window_s = pg_int(result, row, VIEW_SNIPE_WINDOW),
        .snipe_extension_s = pg_int(result, row, VIEW_SNIPE_EXTENSION),
        .snipe_max = pg_null(result, row, VIEW_SNIPE_MAX) ? -1 : pg_int(result, row, VIEW_SNIPE_MAX),
    };
}

/* --- reading --- */

static bool is_there(const struct json *body, const char *name)
{
    const struct json *member = json_member(body, name);
    return member != NULL && member->type != JSON_NULL;
}

/* False, with the field's name, if an amount is invalid (400 INVALID_AMOUNT). */
static bool read_money(const struct json *body, struct terms *terms, struct field_errors *field_errors,
                       const char **field)
{
    const struct {
        const char *name;
        int64_t *minor;
        bool optional;
    } amounts[] = {
        {"startingPrice", &terms->starting_price, false},
        {"reservePrice", &terms->reserve_price, true},
        {"buyNowPrice", &terms->buy_now_price, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        const struct json *member = json_member(body, amounts[i].name);
        if (member == NULL) {
            continue;
        }
        if (member->type == JSON_NULL && amounts[i].optional) {
            *amounts[i].minor = 0;
        } else if (member->type != JSON_NUMBER && member->type != JSON_STRING) {
            field_errors_add_one(field_errors, amounts[i].name, FIELD_NOT_AN_AMOUNT, parameter_money("max", MONEY_MAX));
        } else if (fields_money(body, amounts[i].name, amounts[i].minor) != FIELDS_MONEY_OK) {
            *field = amounts[i].name;
            return false;
        }
    }
    if (json_member(body, "startingPrice") == NULL && terms->starting_price == 0) {
        field_errors_add(field_errors, "startingPrice", FIELD_REQUIRED);
    }
    return true;
}

static void check_prices(const struct terms *terms, struct field_errors *field_errors)
{
    if (terms->reserve_price > 0 && terms->reserve_price < terms->starting_price) {
        field_errors_add_two(field_errors, "reservePrice", FIELD_BELOW_OTHER, parameter_word("other", "startingPrice"),
                             parameter_money("min", terms->starting_price));
    }
    int64_t least = terms->reserve_price > 0 ? terms->reserve_price : terms->starting_price;
    if (terms->buy_now_price > 0 && terms->buy_now_price < least) {
        field_errors_add_two(field_errors, "buyNowPrice", FIELD_BELOW_OTHER, parameter_money("min", least),
                             parameter_word("other", terms->reserve_price > 0 ? "reservePrice" : "startingPrice"));
    }
}

bool terms_read_increments(const struct json *body, int64_t *bid_increment, const struct json **table,
                           struct increments *increments, struct field_errors *field_errors)
{
    const char *reason = NULL;
    bool by_table = is_there(body, "incrementTable");
    if (is_there(body, "bidIncrement")) {
        const struct json *member = json_member(body, "bidIncrement");
        if (member->type != JSON_NUMBER && member->type != JSON_STRING) {
            field_errors_add_one(field_errors, "bidIncrement", FIELD_NOT_AN_AMOUNT, parameter_money("max", MONEY_MAX));
            return true;
        }
        if (fields_money(body, "bidIncrement", bid_increment) != FIELDS_MONEY_OK) {
            return false;
        }
        if (by_table) {
            field_errors_add_one(field_errors, "incrementTable", FIELD_EXCLUDED,
                                 parameter_word("other", "bidIncrement"));
            return true;
        }
        *table = NULL;
        *increments = increments_fixed(*bid_increment);
    } else if (by_table) {
        *bid_increment = 0;
        *table = json_member(body, "incrementTable");
        if (!increments_parse(*table, increments, &reason)) {
            field_errors_add_one(field_errors, "incrementTable", FIELD_INVALID_INCREMENT_TABLE,
                                 parameter_word("detail", reason));
        }
    }
    return true;
}

static void read_start(const struct json *body, const struct terms_reading *reading, struct terms *terms,
                       struct field_errors *field_errors)
{
    int64_t start_ms = 0;
    if (!fields_time(body, "startTime", FIELDS_OPTIONAL, &start_ms, field_errors) || start_ms == terms->start_ms) {
        return;
    }
    if (reading->started) {
        field_errors_add(field_errors, "startTime", FIELD_ALREADY_STARTED);
    } else if (start_ms < reading->now_ms - TERMS_PAST_TOLERANCE_MS) {
        field_errors_add_one(field_errors, "startTime", FIELD_TOO_EARLY, parameter_time("min", reading->now_ms));
    } else {
        terms->start_ms = start_ms < reading->now_ms ? reading->now_ms : start_ms;
    }
}

static void read_times(const struct json *body, const struct terms_reading *reading, struct terms *terms,
                       struct field_errors *field_errors)
{
    enum fields_need need = reading->change ? FIELDS_OPTIONAL : FIELDS_REQUIRED;
    struct terms before = *terms;
    read_start(body, reading, terms, field_errors);
    if (!fields_time(body, "endTime", need, &terms->end_ms, field_errors) &&
        (!reading->change || json_member(body, "endTime") != NULL)) {
        return;
    }
    /* Unchanged times are not compared with the clock. The auction may be over, which the decision answers. */
    if (reading->change && terms->start_ms == before.start_ms && terms->end_ms == before.end_ms) {
        return;
    }
    int64_t from_ms = terms->start_ms > reading->now_ms ? terms->start_ms : reading->now_ms;
    if (terms->end_ms < from_ms + TERMS_DURATION_LEAST_MS) {
        field_errors_add_one(field_errors, "endTime", FIELD_TOO_EARLY,
                             parameter_time("min", from_ms + TERMS_DURATION_LEAST_MS));
    } else if (terms->end_ms > reading->now_ms + TERMS_END_MOST_MS) {
        field_errors_add_one(field_errors, "endTime", FIELD_TOO_LATE,
                             parameter_time("max", reading->now_ms + TERMS_END_MOST_MS));
    }
}

void terms_read_new_end(const struct json *body, int64_t now_ms, int64_t *end_ms, struct field_errors *field_errors)
{
    if (!fields_time(body, "endTime", FIELDS_REQUIRED, end_ms, field_errors)) {
        return;
    }
    if (*end_ms <= now_ms) {
        field_errors_add_one(field_errors, "endTime", FIELD_TOO_EARLY, parameter_time("min", now_ms + 1));
    } else if (*end_ms > now_ms + TERMS_END_MOST_MS) {
        field_errors_add_one(field_errors, "endTime", FIELD_TOO_LATE,
                             parameter_time("max", now_ms + TERMS_END_MOST_MS));
    }
}

static void read_anti_snipe(const struct json *body, struct terms *terms, struct field_errors *field_errors)
{
    static const char *const known[] = {"windowSeconds", "extensionSeconds", "maxExtensions", NULL};
    const struct json *snipe = json_member(body, "antiSnipe");
    if (snipe == NULL) {
        return;
    }
    /* A new antiSnipe object replaces the old one as a whole. */
    terms->snipe_window_s = SNIPE_DEFAULT_S;
    terms->snipe_extension_s = SNIPE_DEFAULT_S;
    terms->snipe_max = -1;
    if (snipe->type == JSON_NULL) {
        return;
    }
    if (snipe->type != JSON_OBJECT) {
        field_errors_add(field_errors, "antiSnipe", FIELD_NOT_AN_OBJECT);
        return;
    }
    fields_known(snipe, known, field_errors);
    (void)fields_int(snipe, "windowSeconds", FIELDS_OPTIONAL, 0, SNIPE_MOST_S, &terms->snipe_window_s, field_errors);
    (void)fields_int(snipe, "extensionSeconds", FIELDS_OPTIONAL, 1, SNIPE_MOST_S, &terms->snipe_extension_s,
                     field_errors);
    const struct json *most = json_member(snipe, "maxExtensions");
    if (most != NULL && most->type != JSON_NULL) {
        (void)fields_int(snipe, "maxExtensions", FIELDS_OPTIONAL, 0, SNIPE_EXTENSIONS_MOST, &terms->snipe_max,
                         field_errors);
    }
}

#define TERMS_NAMES                                                                                                    \
    "title", "description", "category", "currency", "startingPrice", "reservePrice", "buyNowPrice", "startTime",       \
        "endTime", "bidIncrement", "incrementTable", "antiSnipe"

static void read_texts(const struct json *body, bool change, struct terms *terms, struct field_errors *field_errors)
{
    static const char *const new_names[] = {TERMS_NAMES, "itemId", "draft", NULL};
    static const char *const change_names[] = {TERMS_NAMES, "version", NULL};
    const char *currency = "USD";
    fields_known(body, change ? change_names : new_names, field_errors);
    (void)fields_name(body, "title", change ? FIELDS_OPTIONAL : FIELDS_REQUIRED, 1, TERMS_TITLE_MOST, &terms->title,
                      field_errors);
    (void)fields_text(body, "description", FIELDS_OPTIONAL, 0, TERMS_DESCRIPTION_MOST, &terms->description,
                      field_errors);
    (void)fields_name(body, "category", FIELDS_OPTIONAL, 0, TERMS_CATEGORY_MOST, &terms->category, field_errors);
    if (fields_text(body, "currency", FIELDS_OPTIONAL, 1, TERMS_TITLE_MOST, &currency, field_errors) &&
        strcmp(currency, "USD") != 0) {
        field_errors_add_one(field_errors, "currency", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "USD"));
    }
}

bool terms_read(struct request *request, const struct terms_reading *reading, struct terms *terms)
{
    const struct json *body = request->body;
    struct field_errors field_errors = {.count = 0};
    struct increments increments;
    const char *field = "bidIncrement";
    if (!read_money(body, terms, &field_errors, &field) ||
        !terms_read_increments(body, &terms->bid_increment, &terms->table, &increments, &field_errors)) {
        reply_invalid_amount(request, field);
        return false;
    }
    read_texts(body, reading->change, terms, &field_errors);
    check_prices(terms, &field_errors);
    read_times(body, reading, terms, &field_errors);
    read_anti_snipe(body, terms, &field_errors);
    if (reading->change) {
        (void)fields_int(body, "version", FIELDS_REQUIRED, 1, INT64_MAX, reading->version, &field_errors);
    } else {
        terms->has_item = fields_uuid(body, "itemId", FIELDS_OPTIONAL, &terms->item, &field_errors);
        (void)fields_bool(body, "draft", FIELDS_OPTIONAL, &terms->draft, &field_errors);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return false;
    }
    return true;
}

/* --- for SQL --- */

/* A money value for SQL: NULL when it is absent. */
static const char *money_value(int64_t minor, char out[static MONEY_TEXT_SIZE])
{
    if (minor == 0) {
        return NULL;
    }
    money_format(minor, out);
    return out;
}

/* The increments as the bid worker reads them. The text is in the worker's writer. */
static const char *increments_value(struct request *request, const struct terms *terms)
{
    struct jsonw *json = reply_json(request);
    const char *reason = NULL;
    struct increments table;
    if (terms->table != NULL && terms->table->type == JSON_STRING) {
        jsonw_value(json, terms->table); /* the name of a table */
    } else if (terms->table != NULL) {
        if (!increments_parse(terms->table, &table, &reason)) {
            return NULL; /* unreachable: terms_read has checked it */
        }
        increments_write(&table, json);
    } else if (terms->bid_increment == 0) {
        return terms->stored_table;
    } else {
        jsonw_array(json);
        jsonw_object(json);
        jsonw_put_int(json, "from", 0);
        jsonw_put_money(json, "increment", terms->bid_increment);
        jsonw_end_object(json);
        jsonw_end_array(json);
    }
    return jsonw_text(json, NULL);
}

static const char *number_value(int64_t number, char out[static TERMS_NUMBER_SIZE])
{
    (void)snprintf(out, TERMS_NUMBER_SIZE, "%lld", (long long)number);
    return out;
}

void terms_values(struct request *request, const struct terms *terms, struct terms_text *text,
                  const char *values[static TERMS_VALUES])
{
    const char *filled[TERMS_VALUES] = {
        terms->title,
        terms->description,
        terms->category,
        money_value(terms->starting_price, text->starting),
        money_value(terms->reserve_price, text->reserve),
        money_value(terms->buy_now_price, text->buy_now),
        increments_value(request, terms),
        money_value(terms->bid_increment, text->increment),
        number_value(terms->snipe_window_s, text->window),
        number_value(terms->snipe_extension_s, text->extension),
        terms->snipe_max < 0 ? NULL : number_value(terms->snipe_max, text->most),
        text->start,
        text->end,
    };
    clock_format(terms->start_ms, text->start);
    clock_format(terms->end_ms, text->end);
    memcpy(values, filled, sizeof filled);
}
