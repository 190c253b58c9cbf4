/*
 * GET /auctions: the steps of a search.
 *
 *  1. For guests, look the answer up in the cache.
 *  2. Query one page of the list and, if requested, the facets. Both are sent at once, so that a search with facets
 *     waits only once in the queue of the connection pool.
 *  3. If the text of a first page has no match, query for similar words and repeat step 2 with them.
 */
#include "gateway/search/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/auction/view.h"
#include "gateway/http/reply.h"
#include "gateway/query/cache.h"
#include "gateway/query/statements.h"
#include "gateway/search/facets.h"
#include "gateway/search/search.h"

struct listing {
    struct search search;
    char hash[CACHE_HASH_SIZE]; /* "": the answer is not cached */
    int64_t epoch;              /* when the request began */
    char *facets;               /* JSON; NULL: none (yet) */
    PGresult *found;            /* the page, if it arrived before the facets; else NULL */
    bool counting;              /* the query of the facets is pending */
    bool finding;               /* the query of the page is pending */
    bool failed;                /* one of the two has failed */
};

static const struct listing_context *context_of(const struct request *request)
{
    return request->context;
}

/* The query for similar words is short. It has its own connection, so that it does not queue behind searches. */
static bool query(struct request *request, enum queries_statement statement, size_t count, const char *const *values,
                  pg_callback callback)
{
    struct pg *pg = statement == QUERIES_WORDS ? context_of(request)->words : context_of(request)->search;
    return pg_query(pg, (size_t)statement, (int)count, values, callback, request);
}

/* Frees the results of step 2. Call it before the request ends and before step 2 is repeated. */
static void free_results(struct listing *listing)
{
    free(listing->facets);
    listing->facets = NULL;
    PQclear(listing->found);
    listing->found = NULL;
}

/* Answers a search. `result` is NULL if there is no match. */
static void answer(struct request *request, const PGresult *result)
{
    struct listing *listing = request->handler_state;
    const struct search *search = &listing->search;
    int rows = result == NULL ? 0 : PQntuples(result);
    int shown = rows < search->page.limit ? rows : search->page.limit;
    struct jsonw *json = reply_json(request);
    struct cursor next;
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        view_write(json, request, result, row);
    }
    jsonw_end_array(json);
    if (listing->facets != NULL) {
        jsonw_name(json, "facets");
        jsonw_raw(json, listing->facets, strlen(listing->facets));
    }
    bool more = rows > shown;
    if (more) {
        search_cursor(search, result, shown - 1, &next);
    } else if (result != NULL) {
        more = search_cursor_tail(search, result, &next);
    }
    page_next(json, more ? &next : NULL);
    if (listing->hash[0] != '\0') {
        cache_search_store(context_of(request)->redis, listing->epoch, listing->hash, CACHE_SEARCH_LIFE_MS, json);
    }
    free_results(listing);
    reply_send(request, 200);
}

static void fail(struct request *request)
{
    free_results(request->handler_state);
    reply_error(request, ERROR_UNAVAILABLE);
}

/* As statements_usable, but frees the results before the request is ended. */
static bool reply_usable(struct request *request, const struct pg_reply *reply)
{
    if (reply->outcome != PG_OK || request_answered(request)) {
        free_results(request->handler_state);
    }
    return statements_usable(request, reply);
}

static void run_queries(struct request *request);

static void on_words(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct listing *listing = request->handler_state;
    struct search *search = &listing->search;
    if (!reply_usable(request, reply)) {
        return;
    }
    const char *words = pg_text(reply->result, 0, 0);
    if (pg_null(reply->result, 0, 0) || strlen(words) >= sizeof search->tsquery) {
        answer(request, NULL);
        return;
    }
    (void)snprintf(search->tsquery, sizeof search->tsquery, "%s", words);
    search->similar = true;
    free_results(listing);
    run_queries(request);
}

static void query_similar_words(struct request *request)
{
    const struct listing *listing = request->handler_state;
    const char *values[] = {listing->search.text};
    if (!query(request, QUERIES_WORDS, ARRAY_LEN(values), values, on_words)) {
        fail(request);
    }
}

/* Page and facets have arrived. */
static void on_results(struct request *request, const PGresult *result)
{
    const struct listing *listing = request->handler_state;
    if (listing->failed) {
        fail(request);
    } else if (PQntuples(result) == 0 && search_allows_similar_words(&listing->search)) {
        query_similar_words(request);
    } else {
        answer(request, result);
    }
}

/* The first of on_found and on_counted only stores its result or failure. The second continues or ends the request. */
static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct listing *listing = request->handler_state;
    listing->finding = false;
    if (listing->counting) {
        listing->found =
            reply->outcome == PG_OK ? PQcopyResult(reply->result, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES) : NULL;
        listing->failed = listing->failed || listing->found == NULL;
    } else if (reply_usable(request, reply)) {
        on_results(request, reply->result);
    }
}

static void on_counted(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct listing *listing = request->handler_state;
    listing->counting = false;
    if (reply->outcome == PG_OK && !request_answered(request)) {
        listing->facets = facets_text(reply_json(request), reply->result);
    }
    if (listing->finding) {
        listing->failed = listing->failed || listing->facets == NULL;
    } else if (reply_usable(request, reply)) {
        listing->failed = listing->failed || listing->facets == NULL;
        on_results(request, listing->found);
    }
}

/*
 * Sends both queries. The facets are sent first, so that on a single connection they arrive first and the page need not
 * be copied. If only one query can be sent, the request fails when that one returns.
 */
static void run_queries(struct request *request)
{
    struct listing *listing = request->handler_state;
    const char *values[QUERIES_PARAMETERS];
    size_t count = search_values(&listing->search, values);
    listing->failed = false;
    listing->counting = listing->search.facets &&
                        query(request, search_facets_statement(&listing->search), QUERIES_FILTERS, values, on_counted);
    listing->finding = query(request, search_statement(&listing->search), count, values, on_found);
    bool whole = listing->finding && (listing->counting || !listing->search.facets);
    listing->failed = !whole;
    if (!listing->finding && !listing->counting) {
        fail(request);
    }
}

/* A cursor may belong to a search for similar words. */
static void start(struct request *request)
{
    const struct listing *listing = request->handler_state;
    if (listing->search.similar) {
        query_similar_words(request);
    } else {
        run_queries(request);
    }
}

static void on_kept(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (!cache_search_answer(request, reply)) {
        start(request);
    }
}

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct listing *listing = request_handler_state(request, sizeof *listing);
    if (listing == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    search_read(request, &listing->search, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    if (request->user.via != REQUEST_GUEST) {
        start(request);
        return;
    }
    listing->epoch = context_of(request)->deployment->epoch.number;
    if (listing->epoch == 0) {
        start(request);
        return;
    }
    search_hash(&listing->search, listing->hash);
    if (!cache_search_read(context_of(request)->redis, listing->epoch, listing->hash, on_kept, request)) {
        start(request);
    }
}

const struct route listing_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions", handle_list, LIMIT_SEARCHES, ROUTE_NO_BODY,
     "q status ids category minPrice maxPrice sellerId sort facets limit cursor"},
    {0},
};
