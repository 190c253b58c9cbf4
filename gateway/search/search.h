/*
 * Parameters of a search: validates the query string of GET /auctions and provides the statement's parameters. Caller:
 * listing.c.
 *
 * The key of a cursor has additional parts. The prefix "~" means that similar words were searched. In the order
 * by relevance the key is "r<rank>@<time>" while ranked auctions are shown: rank in billionths, and auctions created
 * after the time are excluded. It is "t<time>" once all ranked auctions were shown; the others follow, newest first.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_SEARCH_H
#define ROSTRUM_GATEWAY_SEARCH_SEARCH_H

#include "common/base/clock.h"
#include "common/base/money.h"
#include "gateway/query/cache.h"
#include "gateway/query/page.h"
#include "gateway/search/queries.h"

enum search_order { SEARCH_ENDING, SEARCH_NEWEST, SEARCH_PRICE_UP, SEARCH_PRICE_DOWN, SEARCH_RELEVANCE };

enum {
    SEARCH_STATUS_SIZE = 128, /* several with commas */
    SEARCH_IDS_MAX = 100,
    SEARCH_IDS_SIZE = SEARCH_IDS_MAX * UUID_TEXT_SIZE + 2, /* with commas, and braces around them */
    SEARCH_CATEGORY_SIZE = 401,                            /* 100 characters */
    SEARCH_TEXT_SIZE = 801,                                /* 200 characters */
    SEARCH_TSQUERY_SIZE = 4096,                            /* 6 words, 5 similar words each, 40 characters */
};

struct search {
    enum search_order order;
    struct page page;
    bool has_category;
    bool has_least;
    bool has_most;
    bool has_seller;
    bool has_text;
    bool has_ids;
    bool facets;
    bool similar; /* similar words are searched: `tsquery` */
    bool tail;    /* SEARCH_RELEVANCE: the page is after the ranked auctions */
    char status[SEARCH_STATUS_SIZE];
    char category[SEARCH_CATEGORY_SIZE];
    char least[MONEY_TEXT_SIZE];
    char most[MONEY_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    char text[SEARCH_TEXT_SIZE];
    char ids[SEARCH_IDS_SIZE]; /* an SQL array */
    char tsquery[SEARCH_TSQUERY_SIZE];
    char key[CURSOR_KEY_SIZE]; /* of the cursor, as the statement expects it */
    char id[UUID_TEXT_SIZE];   /* likewise */
    char limit[16];
    char as_of[CLOCK_TEXT_SIZE];
};

/* Reads the query string. Invalid values become field errors. */
void search_read(struct request *request, struct search *search, struct field_errors *field_errors);
/*
 * Returns whether similar words may be searched after no match: on a first page, and not for a text with quotes or
 * minus, which is meant literally.
 */
bool search_allows_similar_words(const struct search *search);
/*
 * The statements of list and facets. search_values sets their parameters, indexed by enum queries_parameter, and
 * returns the number of those of the list. They point into `search`.
 */
enum queries_statement search_statement(const struct search *search);
enum queries_statement search_facets_statement(const struct search *search);
size_t search_values(const struct search *search, const char *values[static QUERIES_PARAMETERS]);
/* Makes the cursor of the item in `row`. */
void search_cursor(const struct search *search, const PGresult *result, int row, struct cursor *cursor);
/* Makes the cursor of the unranked auctions, if `result` holds the last ranked ones. False: none follow. */
MUST_CHECK bool search_cursor_tail(const struct search *search, const PGresult *result, struct cursor *cursor);
/* Hashes the search and its page, for the cache. Call it before the search runs, which may change `search`. */
void search_hash(const struct search *search, char out[static CACHE_HASH_SIZE]);

#endif
