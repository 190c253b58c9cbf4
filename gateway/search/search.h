/*
 * What a search asks for: the query string of GET /auctions, checked, and the values that its statement takes.
 *
 * A cursor's key is more than the last item's sort key: "~" before it says that the words were taken for mistyped ones;
 * of the order by relevance it is "r<rank>@<time>" (billionths), where auctions created after that time are not looked
 * at, or "t<time>" once all that are ranked were shown and the others follow, newest first.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_SEARCH_H
#define ROSTRUM_GATEWAY_SEARCH_SEARCH_H

#include "common/base/clock.h"
#include "common/base/money.h"
#include "gateway/query/page.h"
#include "gateway/search/queries.h"

enum search_order { SEARCH_ENDING, SEARCH_NEWEST, SEARCH_PRICE_UP, SEARCH_PRICE_DOWN, SEARCH_RELEVANCE };

enum {
    SEARCH_STATUS_SIZE = 16,
    SEARCH_CATEGORY_SIZE = 401, /* 100 characters */
    SEARCH_TEXT_SIZE = 801,     /* 200 characters */
    SEARCH_TSQUERY_SIZE = 4096, /* 6 words, 5 like each, 40 characters */
    SEARCH_HASH_SIZE = 33,
};

struct search {
    enum search_order order;
    struct page page;
    bool has_category;
    bool has_least;
    bool has_most;
    bool has_seller;
    bool has_text;
    bool facets;
    bool alike; /* words like those of the text are looked for: `tsquery` */
    bool tail;  /* SEARCH_RELEVANCE: behind what is ranked */
    char status[SEARCH_STATUS_SIZE];
    char category[SEARCH_CATEGORY_SIZE];
    char least[MONEY_TEXT_SIZE];
    char most[MONEY_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    char text[SEARCH_TEXT_SIZE];
    char tsquery[SEARCH_TSQUERY_SIZE];
    char key[CURSOR_KEY_SIZE]; /* of the cursor, as the statement takes it */
    char id[UUID_TEXT_SIZE];   /* likewise */
    char limit[16];
    char as_of[CLOCK_TEXT_SIZE];
};

/* From the query string; what is wrong becomes a fault. */
void search_read(struct request *request, struct search *search, struct field_errors *field_errors);
/* Whether words like those of the text may be looked for: not when it says exactly what it wants, by quotes or minus.
 */
bool search_may_guess(const struct search *search);
/* The list's statement, and its values in the order of enum queries_parameter; they point into `search`. */
enum queries_statement search_statement(const struct search *search);
enum queries_statement search_facets_statement(const struct search *search);
size_t search_values(const struct search *search, const char *values[static QUERIES_PARAMETERS]);
/* The cursor of the item in `row`. */
void search_cursor(const struct search *search, const PGresult *result, int row, struct cursor *cursor);
/* The cursor of what follows when `result` holds the last of the ranked; false: nothing does. */
MUST_CHECK bool search_cursor_tail(const struct search *search, const PGresult *result, struct cursor *cursor);
/* Names the search and its page, for the cache: equal searches have equal hashes. Before anything was asked. */
void search_hash(const struct search *search, char out[static SEARCH_HASH_SIZE]);

#endif
