/*
 * See pages.h.
 */
#include "gateway/web/pages.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http/reply.h"
#include "gateway/query/documents.h"
#include "gateway/web/page_og.h"

enum {
    ACCEPT_SIZE = 1024,
    AUCTION_MS = 1000, /* a page without tags is better than a late one */
};

#define ASSETS   "/assets/"
#define AUCTIONS "/auctions/"

static const struct pages_context *context_of(const struct request *request)
{
    return request->context;
}

/* ---- files ---- */

/* Chooses a coding of a file and sets the headers of the answer. NULL: the client has it already. */
static const struct page_bytes *prepare(struct request *request, const struct page_file *file)
{
    char accept[ACCEPT_SIZE];
    unsigned available = 0;
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        available |= file->codings[i].bytes == NULL ? 0 : 1U << i;
    }
    request_header_list(request, "Accept-Encoding", accept, sizeof(accept));
    enum coding coding = coding_choose(accept, available);
    const struct page_bytes *chosen = &file->codings[coding];
    request->storage = file->immutable ? ANSWER_IMMUTABLE : ANSWER_SHARED;
    request->encoded = true;
    page_head_put(&context_of(request)->head, request);
    reply_header(request, "ETag", chosen->etag);
    if (reply_client_has(request, chosen->etag)) {
        return NULL;
    }
    if (coding != CODING_IDENTITY) {
        reply_header(request, "Content-Encoding", coding_name(coding));
    }
    return chosen;
}

static void send_file(struct request *request, const struct page_file *file)
{
    const struct page_bytes *chosen = prepare(request, file);
    if (chosen == NULL) {
        reply_empty(request, 304);
    } else {
        reply_lasting(request, file->type, chosen->bytes, chosen->length);
    }
}

/* ---- index.html ---- */

static const struct page_file *index_of(const struct pages_context *context)
{
    const struct page_file *before = context->table->index_before;
    return before != NULL && context->older_serve(context->arg) ? before : context->table->index;
}

static bool wants_html(const struct request *request)
{
    char accept[ACCEPT_SIZE];
    request_header_list(request, "Accept", accept, sizeof(accept));
    return accepts_html(accept);
}

/* Whether a page may have this path: plain segments, none empty but the last, none like the name of a file. */
static bool is_page(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~-/";
    return path[strspn(path, plain)] == '\0' && strstr(path, "//") == NULL;
}

static void handle_file(struct request *request)
{
    const struct pages_context *context = context_of(request);
    const char *path = request_path(request);
    const struct page_file *file = page_table_find(context->table, path);
    bool page = file == context->table->index || (file == NULL && is_page(path) && wants_html(request));
    if (page) {
        send_file(request, index_of(context));
    } else if (file != NULL) {
        send_file(request, file);
    } else {
        reply_error(request, ERROR_NOT_FOUND);
    }
}

static void handle_asset(struct request *request)
{
    const struct page_file *file = page_table_find(context_of(request)->table, request_path(request));
    if (file != NULL) {
        send_file(request, file);
    } else {
        reply_error(request, ERROR_NOT_FOUND);
    }
}

/* ---- the page of an auction ---- */

/* At the deadline. */
static void answer_index(struct request *request)
{
    const struct page_file *index = index_of(context_of(request));
    const struct page_bytes *chosen = prepare(request, index);
    if (chosen != NULL) {
        reply_answer_lasting(request, index->type, chosen->bytes, chosen->length);
    } else {
        reply_answer_empty(request, 304);
    }
}

static void on_auction(struct request *request, const char *json, size_t length)
{
    const struct pages_context *context = context_of(request);
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    const struct page_file *index = index_of(context);
    const struct page_bytes *plain = &index->codings[CODING_IDENTITY];
    const struct page_og og = {context->public_url, request->parameters[0], json, length};
    size_t page_length = 0;
    char *page = json == NULL ? NULL : page_og_write((const char *)plain->bytes, plain->length, &og, &page_length);
    if (page == NULL) {
        send_file(request, index);
        return;
    }
    request->storage = ANSWER_SHARED; /* as guests see it, and without an ETag: each answer may differ */
    request->encoded = true;
    page_head_put(&context->head, request);
    reply_bytes(request, 200, index->type, page, page_length);
    free(page);
}

static void handle_auction(struct request *request)
{
    if (!wants_html(request)) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    request_set_deadline(request, AUCTION_MS, answer_index);
    documents_read(context_of(request)->documents, request, on_auction);
}

/* ---- routes ---- */

/* Not in the tables of routes.c, and so not of the API. The patterns name them in metrics and log lines. */
static const struct route route_file = {.method = METHOD_GET, .pattern = "/", .handler = handle_file};
static const struct route route_asset = {.method = METHOD_GET, .pattern = ASSETS, .handler = handle_asset};
static const struct route route_auction = {.method = METHOD_GET, .pattern = "/auctions/:id", .handler = handle_auction};

const struct route *pages_find(const char *path, struct uuid *parameters)
{
    const char *id = path + strlen(AUCTIONS);
    if (strncmp(path, ASSETS, strlen(ASSETS)) == 0) {
        return &route_asset;
    }
    if (strncmp(path, AUCTIONS, strlen(AUCTIONS)) == 0 && uuid_parse(id, strlen(id), parameters) &&
        !uuid_is_nil(parameters)) {
        return &route_auction;
    }
    return &route_file;
}
