/*
 * SQL statements of searches. Callers: listing.c, search.c, products.c; `make bench-search` runs EXPLAIN on each of
 * them.
 *
 * There is one statement for each sort order, and some have a variant for a price range without text. The variant uses
 * table auction_prices; the planner would not choose it from a condition in a common statement.
 *
 * PostgreSQL plans them for each execution with the actual values (QUERIES_SETTINGS), because the best plan depends on
 * the frequency of the words. All filters are optional; filters that are NULL are removed from the plan.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_QUERIES_H
#define ROSTRUM_GATEWAY_SEARCH_QUERIES_H

#include "common/io/pg.h"
#include "gateway/auction/view.h"

/* Settings of the sessions that search. Sequential scans are off: no statement may read a whole table. */
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
    QUERIES_FACETS_BARE, /* as QUERIES_FACETS; seller and text must be NULL */
    /* As above, for several statuses with commas. */
    QUERIES_SEVERAL,
    QUERIES_ENDING_SEVERAL = QUERIES_SEVERAL,
    QUERIES_NEWEST_SEVERAL,
    QUERIES_RELEVANCE_SEVERAL,
    QUERIES_PRICE_UP_SEVERAL,
    QUERIES_PRICE_DOWN_SEVERAL,
    QUERIES_ENDING_PRICED_SEVERAL,
    QUERIES_NEWEST_PRICED_SEVERAL,
    QUERIES_FACETS_SEVERAL,
    QUERIES_FACETS_BARE_SEVERAL,
    QUERIES_IDS,      /* $1: statuses with commas, $2: an array of ids. By their end, all of them */
    QUERIES_WORDS,    /* $1: the text. Returns a tsquery of words similar to its words; NULL if there are none */
    QUERIES_PRODUCTS, /* newest first. $1, $2: time and id of the cursor or NULL, $3: rows, $4: text, $5: category or
                         NULL */
    QUERIES_COUNT
};

/*
 * Parameters of the statements, except QUERIES_WORDS, QUERIES_IDS and QUERIES_PRODUCTS. The facets have the first
 * seven, the lists all.
 */
enum queries_parameter {
    QUERIES_STATUS,
    QUERIES_CATEGORY,
    QUERIES_ID_ARRAY = QUERIES_CATEGORY, /* of QUERIES_IDS */
    QUERIES_SELLER,
    QUERIES_TEXT,    /* as the user wrote it */
    QUERIES_TSQUERY, /* if not NULL it replaces the text, which must not be NULL either */
    QUERIES_LEAST,
    QUERIES_MOST,
    QUERIES_FILTERS, /* number of filters */
    QUERIES_LIMIT = QUERIES_FILTERS,
    QUERIES_KEY, /* of the cursor: time, amount, or rank */
    QUERIES_ID,
    QUERIES_AS_OF, /* QUERIES_RELEVANCE only: auctions created later are excluded */
    QUERIES_PARAMETERS
};

/* Columns after those of an auction, in QUERIES_RELEVANCE only. */
enum queries_column {
    QUERIES_RANK = VIEW_COLUMN_COUNT, /* billionths */
    QUERIES_RANKED,                   /* number of ranked auctions */
    QUERIES_OLDEST_CREATED,           /* ms; creation time of the oldest ranked auction */
    QUERIES_OLDEST_ID,
};

enum {
    QUERIES_RANKED_MOST = 400,   /* the newest matches are ranked; the others follow unranked, newest first */
    QUERIES_FACETS_MOST = 10000, /* maximum number of matches that are counted */
};

/* QUERIES_COUNT statements. */
extern const struct pg_statement queries_all[];

#endif
