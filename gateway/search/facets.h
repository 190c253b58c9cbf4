/*
 * What a search would find, counted by category, status and price band. Counted are up to QUERIES_FACETS_MOST auctions:
 * where there are more, the counts are of that many of them, and "approximate" says so.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_FACETS_H
#define ROSTRUM_GATEWAY_SEARCH_FACETS_H

#include "common/base/json.h"
#include "gateway/search/queries.h"

/* Of a result of QUERIES_FACETS*, as text of its own, for free(); NULL without memory. `json` is emptied first. */
MUST_CHECK char *facets_text(struct jsonw *json, const PGresult *result);

#endif
