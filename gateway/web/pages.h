/*
 * Serves the built pages: the files of the table, index.html for the paths of the pages (history fallback), and the
 * page of one auction with its tags for previews (page_og.h).
 *
 * No path of the API gets here: dispatch.c asks pages_find only for a path whose first segment is in no route. A path
 * is compared as it stands in the request: nothing is decoded, so `..` and `%2e` have no meaning. A missing asset, and
 * whatever does not accept HTML, is the 404 of the API.
 *
 * The bytes are sent from the table without a copy, so a client that does not read takes no memory of the worker.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_WEB_PAGES_H
#define ROSTRUM_GATEWAY_WEB_PAGES_H

#include "gateway/http/request.h"
#include "gateway/web/page_head.h"
#include "gateway/web/page_table.h"

struct documents;

struct pages_context {
    const struct page_table *table; /* outlives all connections */
    struct page_head head;
    const char *public_url;
    struct documents *documents;
    /*
     * Whether workers with the table before still serve. New pages would then ask them for assets that they do not
     * have: the index before is sent until they drain.
     */
    bool (*older_serve)(void *arg);
    void *arg;
};

/* For dispatch_options. */
const struct route *pages_find(const char *path, struct uuid *parameters);

#endif
