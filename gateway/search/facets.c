/*
 * Facets of a search; see facets.h.
 */
#include "gateway/search/facets.h"

#include <string.h>

enum { FACET_KIND, FACET_VALUE, FACET_COUNT };

/* Lower bounds of the price bands, in minor units; the same as in width_bucket in queries.c. */
static const int64_t bands[] = {0, 1000, 5000, 10000, 50000, 100000, 500000};

static bool is_kind(const PGresult *result, int row, const char *kind)
{
    return strcmp(pg_text(result, row, FACET_KIND), kind) == 0;
}

/* The statement counts up to QUERIES_FACETS_MOST + 1, to detect that there are more. */
static int64_t counted(const PGresult *result, int row)
{
    int64_t count = pg_int(result, row, FACET_COUNT);
    return count > QUERIES_FACETS_MOST ? QUERIES_FACETS_MOST : count;
}

static void write_values(struct jsonw *json, const PGresult *result, const char *kind)
{
    jsonw_name(json, kind);
    jsonw_array(json);
    for (int row = 0; row < PQntuples(result); row++) {
        if (is_kind(result, row, kind)) {
            jsonw_object(json);
            jsonw_put_string(json, "value", pg_text(result, row, FACET_VALUE));
            jsonw_put_int(json, "count", counted(result, row));
            jsonw_end_object(json);
        }
    }
    jsonw_end_array(json);
}

static void write_bands(struct jsonw *json, const PGresult *result)
{
    jsonw_name(json, "price");
    jsonw_array(json);
    for (int row = 0; row < PQntuples(result); row++) {
        int64_t band = is_kind(result, row, "price") ? pg_int(result, row, FACET_VALUE) : -1;
        if (band < 0 || band >= (int64_t)ARRAY_LEN(bands)) {
            continue;
        }
        jsonw_object(json);
        jsonw_put_money(json, "from", bands[band]);
        if (band + 1 < (int64_t)ARRAY_LEN(bands)) {
            jsonw_put_money(json, "to", bands[band + 1]);
        } else {
            jsonw_put_null(json, "to");
        }
        jsonw_put_int(json, "count", counted(result, row));
        jsonw_end_object(json);
    }
    jsonw_end_array(json);
}

char *facets_text(struct jsonw *json, const PGresult *result)
{
    int64_t matches = 0;
    bool approximate = false;
    for (int row = 0; row < PQntuples(result); row++) {
        int64_t count = pg_int(result, row, FACET_COUNT);
        matches = is_kind(result, row, "matches") ? counted(result, row) : matches;
        approximate = approximate || count > QUERIES_FACETS_MOST;
    }
    jsonw_reset(json);
    jsonw_object(json);
    jsonw_put_int(json, "matches", matches);
    jsonw_put_bool(json, "approximate", approximate);
    write_values(json, result, "category");
    write_values(json, result, "status");
    write_bands(json, result);
    jsonw_end_object(json);
    const char *text = jsonw_text(json, NULL);
    return text == NULL ? NULL : strdup(text);
}
