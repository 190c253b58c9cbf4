/*
 * GET /auctions: one search from its parameters (search.h) to its answer, step by step: the cache, for guests; the
 * counts, if they are wanted; one page of the list. If the text of a first page finds nothing, words like its words are
 * looked for, and the same is done once more with them.
 */
#include "gateway/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/auctions.h"
#include "gateway/cache.h"
#include "gateway/facets.h"
#include "gateway/reply.h"
#include "gateway/search.h"

struct listing {
    struct search search;
    char hash[SEARCH_HASH_SIZE]; /* "": the answer is not kept */
    char *facets;                /* JSON; NULL: none (yet) */
};

static bool ask(struct request *request, enum queries_statement statement, size_t count, const char *const *values,
                pg_callback callback)
{
    return pg_query(request->gateway->pg_search, (size_t)statement, (int)count, values, callback, request);
}

/* The one end of a search that began; `result` is NULL when there is nothing to be found. */
static void answer(struct request *request, const PGresult *result)
{
    struct listing *listing = request->own;
    const struct search *search = &listing->search;
    int rows = result == NULL ? 0 : PQntuples(result);
    int shown = rows < search->page.limit ? rows : search->page.limit;
    struct jsonw *json = reply_json(request);
    struct cursor next;
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        auctions_write(json, request, result, row);
    }
    jsonw_end_array(json);
    if (listing->facets != NULL) {
        jsonw_name(json, "facets");
        jsonw_raw(json, listing->facets, strlen(listing->facets));
        free(listing->facets);
        listing->facets = NULL;
    }
    bool more = rows > shown;
    if (more) {
        search_cursor(search, result, shown - 1, &next);
    } else if (result != NULL) {
        more = search_cursor_tail(search, result, &next);
    }
    page_next(json, more ? &next : NULL);
    if (listing->hash[0] != '\0') {
        cache_search_keep(request->gateway, listing->hash);
    }
    reply_send(request, 200);
}

static void fail(struct request *request)
{
    struct listing *listing = request->own;
    free(listing->facets);
    listing->facets = NULL;
    reply_error(request, ERROR_UNAVAILABLE);
}

/* False: the request was ended. */
static bool usable(struct request *request, const struct pg_reply *reply)
{
    struct listing *listing = request->own;
    if (reply->outcome != PG_OK || request_answered(request)) {
        free(listing->facets);
        listing->facets = NULL;
    }
    return statements_usable(request, reply);
}

static void look(struct request *request);

static void on_words(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct listing *listing = request->own;
    struct search *search = &listing->search;
    if (!usable(request, reply)) {
        return;
    }
    const char *words = pg_text(reply->result, 0, 0);
    if (pg_null(reply->result, 0, 0) || strlen(words) >= sizeof search->tsquery) {
        answer(request, NULL);
        return;
    }
    (void)snprintf(search->tsquery, sizeof search->tsquery, "%s", words);
    search->alike = true;
    free(listing->facets);
    listing->facets = NULL;
    look(request);
}

static void guess(struct request *request)
{
    const struct listing *listing = request->own;
    const char *values[] = {listing->search.text};
    if (!ask(request, QUERIES_WORDS, ARRAY_LEN(values), values, on_words)) {
        fail(request);
    }
}

static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct listing *listing = request->own;
    if (!usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0 && search_may_guess(&listing->search)) {
        guess(request);
    } else {
        answer(request, reply->result);
    }
}

static void find(struct request *request)
{
    const struct listing *listing = request->own;
    const char *values[QUERIES_PARAMETERS];
    size_t count = search_values(&listing->search, values);
    if (!ask(request, search_statement(&listing->search), count, values, on_found)) {
        fail(request);
    }
}

static void on_counted(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct listing *listing = request->own;
    if (!usable(request, reply)) {
        return;
    }
    listing->facets = facets_text(reply_json(request), reply->result);
    if (listing->facets == NULL) {
        fail(request);
    } else {
        find(request);
    }
}

/* Counts, then finds. */
static void look(struct request *request)
{
    const struct listing *listing = request->own;
    const char *values[QUERIES_PARAMETERS];
    if (!listing->search.facets) {
        find(request);
        return;
    }
    (void)search_values(&listing->search, values);
    if (!ask(request, search_facets_statement(&listing->search), QUERIES_FILTERS, values, on_counted)) {
        fail(request);
    }
}

/* A page behind a cursor may be one of guessed words. */
static void begin(struct request *request)
{
    const struct listing *listing = request->own;
    if (listing->search.alike) {
        guess(request);
    } else {
        look(request);
    }
}

static void on_kept(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (!cache_answer(request, reply)) {
        begin(request);
    }
}

static void handle_list(struct request *request)
{
    struct faults faults = {.count = 0};
    struct listing *listing = request_own(request, sizeof *listing);
    if (listing == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    search_read(request, &listing->search, &faults);
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    if (request->user.via != REQUEST_GUEST) {
        begin(request);
        return;
    }
    search_hash(&listing->search, listing->hash);
    if (!cache_search_ask(request->gateway, listing->hash, on_kept, request)) {
        begin(request);
    }
}

const struct route listing_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions", handle_list, LIMIT_SEARCHES, ROUTE_NO_BODY},
    {0},
};
