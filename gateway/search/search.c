/*
 * Parameters of a search; see search.h.
 */
#include "gateway/search/search.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/rules/rules.h"
#include "gateway/http/fields.h"

enum {
    TEXT_MOST = 200,     /* characters */
    CATEGORY_MOST = 100, /* characters, as in terms.c */
    ORDER_SIZE = 16,
    FLAG_SIZE = 8,
    RANK_SIZE = 12,       /* up to 1000000000 */
    AS_OF_LEAD_MS = 1000, /* for gateways whose clock is ahead; more than clock_skew_max_ms */
};

/* Names of the sort orders in the API; also the sort of their cursors. */
static const char *const order_names[] = {
    [SEARCH_ENDING] = "ending",     [SEARCH_NEWEST] = "newest",       [SEARCH_PRICE_UP] = "price",
    [SEARCH_PRICE_DOWN] = "-price", [SEARCH_RELEVANCE] = "relevance",
};
static_assert(ARRAY_LEN(order_names) == SEARCH_RELEVANCE + 1, "a word for each order");

/* Drafts are visible to their seller only. */
static bool is_public_status(const char *text)
{
    enum rules_status status = RULES_NO_STATUS;
    return rules_status_parse(text, &status) && status != RULES_DRAFT;
}

static const char public_statuses[] = "scheduled,active,ended,sold,unsold,cancelled";

static int find_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- query parameters ---- */

static bool read_price(struct request *request, const char *name, char out[static MONEY_TEXT_SIZE],
                       struct field_errors *field_errors)
{
    int64_t minor = 0;
    if (!request_query(request, name, out, MONEY_TEXT_SIZE)) {
        return false;
    }
    if (!money_parse(out, strlen(out), &minor)) {
        field_errors_add_one(field_errors, name, FIELD_NOT_AN_AMOUNT, parameter_money("max", MONEY_MAX));
    }
    return true;
}

/* A text of spaces counts as absent: forms send empty fields. */
static bool read_text(struct request *request, char out[static SEARCH_TEXT_SIZE], struct field_errors *field_errors)
{
    if (!request_query(request, "q", out, SEARCH_TEXT_SIZE)) {
        return false;
    }
    if (!fields_line(out, TEXT_MOST)) {
        field_errors_add_one(field_errors, "q", FIELD_INVALID_TEXT, parameter_number("max", TEXT_MOST));
    }
    return out[strspn(out, " ")] != '\0';
}

static void read_filters(struct request *request, struct search *search, struct field_errors *field_errors)
{
    struct uuid seller;
    if (!request_query(request, "status", search->status, sizeof search->status)) {
        (void)snprintf(search->status, sizeof search->status, "%s", search->has_ids ? public_statuses : "active");
    } else if (!fields_words(search->status, is_public_status)) {
        field_errors_add_one(field_errors, "status", FIELD_UNKNOWN_WORDS,
                             parameter_words("allowed", "scheduled active ended sold unsold cancelled"));
    }
    search->has_category = request_query(request, "category", search->category, sizeof search->category);
    if (search->has_category && !fields_line(search->category, CATEGORY_MOST)) {
        field_errors_add_one(field_errors, "category", FIELD_INVALID_TEXT, parameter_number("max", CATEGORY_MOST));
    }
    search->has_least = read_price(request, "minPrice", search->least, field_errors);
    search->has_most = read_price(request, "maxPrice", search->most, field_errors);
    search->has_seller = request_query(request, "sellerId", search->seller, sizeof search->seller);
    if (search->has_seller && !uuid_parse(search->seller, strlen(search->seller), &seller)) {
        field_errors_add(field_errors, "sellerId", FIELD_NOT_A_UUID);
    }
    search->has_text = read_text(request, search->text, field_errors);
}

/* Ids with commas, converted to an SQL array. */
static bool read_ids(struct request *request, struct search *search, struct field_errors *field_errors)
{
    char *each = search->ids + 1;
    size_t count = 1;
    struct uuid id;
    if (!request_query(request, "ids", each, sizeof(search->ids) - 2)) {
        return false;
    }
    search->ids[0] = '{';
    for (;; count++) {
        size_t length = strcspn(each, ",");
        if (!uuid_parse(each, length, &id) || count > SEARCH_IDS_MAX) {
            field_errors_add_one(field_errors, "ids", FIELD_NOT_UUIDS, parameter_number("max", SEARCH_IDS_MAX));
            break;
        }
        each += length;
        if (*each == '\0') {
            break;
        }
        each++;
    }
    (void)snprintf(search->ids + strlen(search->ids), 2, "}");
    return true;
}

/* Who names auctions gets those, on one page in the order of their ends. */
static void refuse_beside_ids(struct request *request, struct field_errors *field_errors)
{
    static const char *const others[] = {"q",    "category", "minPrice", "maxPrice", "sellerId",
                                         "sort", "facets",   "limit",    "cursor"};
    char value[2];
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (request_query(request, others[i], value, sizeof value)) {
            field_errors_add_one(field_errors, others[i], FIELD_EXCLUDED, parameter_word("other", "ids"));
        }
    }
}

static void read_order(struct request *request, struct search *search, struct field_errors *field_errors)
{
    char name[ORDER_SIZE];
    char flag[FLAG_SIZE];
    search->order = search->has_text ? SEARCH_RELEVANCE : SEARCH_ENDING;
    if (request_query(request, "sort", name, sizeof name)) {
        int order = find_word(order_names, ARRAY_LEN(order_names), name);
        if (order < 0) {
            field_errors_add_one(field_errors, "sort", FIELD_UNKNOWN_VALUE,
                                 parameter_words("allowed", "ending newest price -price relevance"));
        } else if (order == SEARCH_RELEVANCE && !search->has_text) {
            field_errors_add_one(field_errors, "sort", FIELD_REQUIRES, parameter_word("other", "q"));
        } else {
            search->order = (enum search_order)order;
        }
    }
    if (request_query(request, "facets", flag, sizeof flag)) {
        search->facets = strcmp(flag, "true") == 0;
        if (!search->facets && strcmp(flag, "false") != 0) {
            field_errors_add(field_errors, "facets", FIELD_NOT_A_BOOLEAN);
        }
    }
}

/* ---- cursors ---- */

static bool is_time(const char *text)
{
    struct cursor cursor = {.sort = ""};
    (void)snprintf(cursor.key, sizeof cursor.key, "%s", text);
    return cursor_key_is_time(&cursor);
}

/* "r<rank>@<time>" or "t<time>". */
static bool read_relevance_key(struct search *search, const char *key)
{
    if (*key == 't') {
        search->tail = true;
        (void)snprintf(search->key, sizeof search->key, "%s", key + 1);
        return is_time(search->key);
    }
    const char *at = strchr(key, '@');
    size_t length = at == NULL ? 0 : (size_t)(at - key) - 1;
    if (*key != 'r' || length == 0 || length >= RANK_SIZE || strspn(key + 1, "0123456789") != length ||
        !is_time(at + 1)) {
        return false;
    }
    memcpy(search->key, key + 1, length);
    (void)snprintf(search->as_of, sizeof search->as_of, "%s", at + 1);
    return true;
}

/* A cursor may be forged, so its key is checked to be valid for the statement. */
static bool read_key(struct search *search)
{
    const char *key = search->page.cursor.key;
    int64_t value = 0;
    uuid_format(&search->page.cursor.id, search->id);
    if (*key == '~') {
        search->similar = true;
        key++;
    }
    if (search->similar && !search->has_text) {
        return false;
    }
    if (search->order == SEARCH_RELEVANCE) {
        return read_relevance_key(search, key);
    }
    (void)snprintf(search->key, sizeof search->key, "%s", key);
    if (search->order == SEARCH_ENDING || search->order == SEARCH_NEWEST) {
        return is_time(key);
    }
    return money_parse(key, strlen(key), &value);
}

void search_read(struct request *request, struct search *search, struct field_errors *field_errors)
{
    search->has_ids = read_ids(request, search, field_errors);
    if (search->has_ids) {
        refuse_beside_ids(request, field_errors);
    }
    read_filters(request, search, field_errors);
    read_order(request, search, field_errors);
    page_read(request, order_names[search->order], &search->page, field_errors);
    clock_format(request->received_ms + AS_OF_LEAD_MS, search->as_of);
    search->page.limit = search->has_ids ? SEARCH_IDS_MAX : search->page.limit;
    (void)snprintf(search->limit, sizeof search->limit, "%d", search->page.limit + 1);
    if (search->page.has_cursor && !read_key(search)) {
        field_errors_add(field_errors, "cursor", FIELD_NOT_A_CURSOR);
    }
}

static void start_cursor(const struct search *search, const struct uuid *id, struct cursor *cursor)
{
    *cursor = (struct cursor){.id = *id};
    (void)snprintf(cursor->sort, sizeof cursor->sort, "%s", order_names[search->order]);
}

static void set_key(const struct search *search, struct cursor *cursor, const char *kind, const char *key,
                    const char *as_of)
{
    (void)snprintf(cursor->key, sizeof cursor->key, "%s%s%s%s%s", search->similar ? "~" : "", kind, key,
                   as_of == NULL ? "" : "@", as_of == NULL ? "" : as_of);
}

void search_cursor(const struct search *search, const PGresult *result, int row, struct cursor *cursor)
{
    struct uuid id = pg_uuid(result, row, VIEW_ID);
    bool bid = !pg_null(result, row, VIEW_CURRENT_BID);
    char time[CLOCK_TEXT_SIZE];
    char price[MONEY_TEXT_SIZE];
    start_cursor(search, &id, cursor);
    clock_format(pg_int(result, row, search->order == SEARCH_ENDING ? VIEW_END : VIEW_CREATED), time);
    money_format(pg_money(result, row, bid ? VIEW_CURRENT_BID : VIEW_STARTING_PRICE), price);
    switch (search->order) {
    case SEARCH_ENDING:
    case SEARCH_NEWEST:
        set_key(search, cursor, "", time, NULL);
        break;
    case SEARCH_PRICE_UP:
    case SEARCH_PRICE_DOWN:
        set_key(search, cursor, "", price, NULL);
        break;
    case SEARCH_RELEVANCE:
        if (search->tail) {
            set_key(search, cursor, "t", time, NULL);
        } else {
            set_key(search, cursor, "r", pg_text(result, row, QUERIES_RANK), search->as_of);
        }
        break;
    }
}

bool search_cursor_tail(const struct search *search, const PGresult *result, struct cursor *cursor)
{
    char time[CLOCK_TEXT_SIZE];
    if (search->order != SEARCH_RELEVANCE || search->tail || PQntuples(result) == 0 ||
        pg_int(result, 0, QUERIES_RANKED) < QUERIES_RANKED_MOST) {
        return false;
    }
    struct uuid id = pg_uuid(result, 0, QUERIES_OLDEST_ID);
    clock_format(pg_int(result, 0, QUERIES_OLDEST_CREATED), time);
    start_cursor(search, &id, cursor);
    set_key(search, cursor, "t", time, NULL);
    return true;
}

/* ---- statements ---- */

bool search_allows_similar_words(const struct search *search)
{
    const char *text = search->text;
    return search->has_text && !search->similar && !search->page.has_cursor && strchr(text, '"') == NULL &&
           *text != '-' && strstr(text, " -") == NULL;
}

static enum queries_statement statement_of_one_status(const struct search *search)
{
    bool priced = (search->has_least || search->has_most) && !search->has_text;
    switch (search->order) {
    case SEARCH_PRICE_UP:
        return QUERIES_PRICE_UP;
    case SEARCH_PRICE_DOWN:
        return QUERIES_PRICE_DOWN;
    case SEARCH_NEWEST:
        return priced ? QUERIES_NEWEST_PRICED : QUERIES_NEWEST;
    case SEARCH_RELEVANCE:
        return search->tail ? QUERIES_NEWEST : QUERIES_RELEVANCE;
    case SEARCH_ENDING:
        break;
    }
    return priced ? QUERIES_ENDING_PRICED : QUERIES_ENDING;
}

static enum queries_statement for_statuses(const struct search *search, enum queries_statement of_one)
{
    bool several = strchr(search->status, ',') != NULL;
    return several ? (enum queries_statement)(QUERIES_SEVERAL + of_one) : of_one;
}

enum queries_statement search_statement(const struct search *search)
{
    return search->has_ids ? QUERIES_IDS : for_statuses(search, statement_of_one_status(search));
}

enum queries_statement search_facets_statement(const struct search *search)
{
    return for_statuses(search, search->has_seller || search->has_text ? QUERIES_FACETS : QUERIES_FACETS_BARE);
}

size_t search_values(const struct search *search, const char *values[static QUERIES_PARAMETERS])
{
    bool relevance = search->order == SEARCH_RELEVANCE && !search->tail;
    if (search->has_ids) {
        memset(values, 0, QUERIES_PARAMETERS * sizeof(values[0]));
        values[QUERIES_STATUS] = search->status;
        values[QUERIES_ID_ARRAY] = search->ids;
        return QUERIES_ID_ARRAY + 1;
    }
    values[QUERIES_STATUS] = search->status;
    values[QUERIES_CATEGORY] = search->has_category ? search->category : NULL;
    values[QUERIES_SELLER] = search->has_seller ? search->seller : NULL;
    values[QUERIES_TEXT] = search->has_text ? search->text : NULL;
    values[QUERIES_TSQUERY] = search->similar ? search->tsquery : NULL;
    values[QUERIES_LEAST] = search->has_least ? search->least : NULL;
    values[QUERIES_MOST] = search->has_most ? search->most : NULL;
    values[QUERIES_LIMIT] = search->limit;
    values[QUERIES_KEY] = search->page.has_cursor ? search->key : NULL;
    values[QUERIES_ID] = search->page.has_cursor ? search->id : NULL;
    values[QUERIES_AS_OF] = search->as_of;
    return relevance ? QUERIES_PARAMETERS : QUERIES_AS_OF;
}

void search_hash(const struct search *search, char out[static CACHE_HASH_SIZE])
{
    const char *values[QUERIES_PARAMETERS];
    const unsigned char kind[] = {(unsigned char)search->order, search->facets, search->similar, search->tail,
                                  search->has_ids};
    (void)search_values(search, values);
    if (!search->page.has_cursor) {
        values[QUERIES_AS_OF] = NULL; /* the current time, which differs between equal searches */
    }
    cache_hash(kind, sizeof kind, QUERIES_PARAMETERS, values, out);
}
