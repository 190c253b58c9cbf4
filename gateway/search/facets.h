/*
 * Facets: the number of matches of a search by category, status and price band. At most QUERIES_FACETS_MOST auctions
 * are counted. If there are more, "approximate" is true. Caller: listing.c.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_FACETS_H
#define ROSTRUM_GATEWAY_SEARCH_FACETS_H

#include "common/base/json.h"
#include "gateway/search/queries.h"

/*
 * Formats a result of QUERIES_FACETS or QUERIES_FACETS_BARE as JSON, using the writer `json`. The caller frees the text
 * with free(). NULL if out of memory.
 */
MUST_CHECK char *facets_text(struct jsonw *json, const PGresult *result);

#endif
