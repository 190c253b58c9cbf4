/*
 * The SQL of searches, apart from what calls it: `make bench-search` has PostgreSQL explain each of them. One statement
 * for each order, and another where a price is asked for and no text: by a range of prices auctions are
 * found through auction_prices, which a condition inside one statement could not make the planner do.
 *
 * They are planned anew each time, for the values given (the settings below): which way is short depends on how common
 * the words are. All filters are optional, and those that are NULL vanish from the plan.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_QUERIES_H
#define ROSTRUM_GATEWAY_SEARCH_QUERIES_H

#include "common/io/pg.h"
#include "gateway/auction/view.h"

/* Of the sessions that search. Without seqscan: nothing here may read the whole table, however small it seems. */
#define QUERIES_SETTINGS                                                                                               \
    "-c plan_cache_mode=force_custom_plan -c enable_seqscan=off -c jit=off -c random_page_cost=1.1"                    \
    " -c max_parallel_workers_per_gather=0 -c pg_trgm.similarity_threshold=0.15"

enum queries_statement {
    QUERIES_ENDING,
    QUERIES_NEWEST,
    QUERIES_RELEVANCE,
    QUERIES_PRICE_UP,
    QUERIES_PRICE_DOWN,
    QUERIES_ENDING_PRICED,
    QUERIES_NEWEST_PRICED,
    QUERIES_FACETS,
    QUERIES_FACETS_BARE, /* the same without seller and text, which must be NULL */
    QUERIES_WORDS,       /* $1: the text. One tsquery of words like its words; NULL if there are none */
    QUERIES_COUNT
};

/* The first seven parameters of all but QUERIES_WORDS; lists go on with the others. */
enum queries_parameter {
    QUERIES_STATUS,
    QUERIES_CATEGORY,
    QUERIES_SELLER,
    QUERIES_TEXT,    /* as the user wrote it */
    QUERIES_TSQUERY, /* wins over the text, which must be there too */
    QUERIES_LEAST,
    QUERIES_MOST,
    QUERIES_FILTERS, /* their number */
    QUERIES_LIMIT = QUERIES_FILTERS,
    QUERIES_KEY, /* of the cursor: time, amount, or rank */
    QUERIES_ID,
    QUERIES_AS_OF, /* QUERIES_RELEVANCE only: auctions created later are not looked at */
    QUERIES_PARAMETERS
};

/* Behind the columns of an auction, in QUERIES_RELEVANCE only. */
enum queries_column {
    QUERIES_RANK = VIEW_COLUMN_COUNT, /* billionths */
    QUERIES_RANKED,                   /* number of auctions that were ranked */
    QUERIES_OLDEST_CREATED,           /* ms: of the oldest of them */
    QUERIES_OLDEST_ID,
};

enum {
    QUERIES_RANKED_MOST = 400,   /* matches that are ranked, the newest ones; others follow them, newest first */
    QUERIES_FACETS_MOST = 10000, /* matches that are counted exactly */
};

/* QUERIES_COUNT of them. */
extern const struct pg_statement queries_all[];

#endif
