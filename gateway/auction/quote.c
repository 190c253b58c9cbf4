/*
 * See quote.h. Quotes use the same increments as the decision of bids, so that a seller can try a table before creating
 * an auction.
 */
#include "gateway/auction/quote.h"

#include "gateway/auction/terms.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"

enum {
    AMOUNTS = 10,
    INCREMENT_DEFAULT = 100, /* minor units: 1.00, as for a new auction */
};

struct quote {
    int64_t starting_price; /* 0: not given */
    int64_t current_bid;    /* 0: none yet */
    struct increments increments;
};

/* False, with the field's name, if an amount is invalid. */
static bool read_amounts(const struct json *body, struct quote *quote, const char **field)
{
    const struct {
        const char *name;
        int64_t *minor;
    } amounts[] = {{"startingPrice", &quote->starting_price}, {"currentBid", &quote->current_bid}};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        const struct json *member = json_member(body, amounts[i].name);
        if (member != NULL && member->type != JSON_NULL &&
            fields_money(body, amounts[i].name, amounts[i].minor) != FIELDS_MONEY_OK) {
            *field = amounts[i].name;
            return false;
        }
    }
    return true;
}

static bool read_quote(struct request *request, struct quote *quote)
{
    static const char *const known[] = {"startingPrice", "currentBid", "bidIncrement", "incrementTable", NULL};
    struct field_errors field_errors = {.count = 0};
    const struct json *table = NULL;
    const char *field = "bidIncrement";
    int64_t bid_increment = 0;
    quote->increments = increments_fixed(INCREMENT_DEFAULT);
    if (!read_amounts(request->body, quote, &field) ||
        !terms_read_increments(request->body, &bid_increment, &table, &quote->increments, &field_errors)) {
        reply_invalid_amount(request, field);
        return false;
    }
    fields_known(request->body, known, &field_errors);
    if (quote->starting_price == 0 && quote->current_bid == 0) {
        field_errors_add_one(&field_errors, "startingPrice", FIELD_REQUIRED_WITHOUT,
                             parameter_word("other", "currentBid"));
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return false;
    }
    return true;
}

static int64_t above(const struct quote *quote, int64_t price)
{
    return price + increments_at(&quote->increments, price);
}

static void handle_quote(struct request *request)
{
    struct quote quote = {.starting_price = 0};
    if (!read_quote(request, &quote)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    int64_t amount = quote.current_bid == 0 ? quote.starting_price : above(&quote, quote.current_bid);
    jsonw_object(json);
    jsonw_name(json, "amounts");
    jsonw_array(json);
    /* Fewer amounts near MONEY_MAX. */
    for (int i = 0; i < AMOUNTS && amount <= MONEY_MAX; i++) {
        jsonw_money(json, amount);
        amount = above(&quote, amount);
    }
    jsonw_end_array(json);
    jsonw_end_object(json);
    reply_send(request, 200);
}

const struct route quote_routes[] = {
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auctions/quote", handle_quote, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
