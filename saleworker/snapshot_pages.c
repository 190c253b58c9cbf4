/*
 * See snapshot_pages.h.
 */
#include "saleworker/snapshot_pages.h"

#include <stdio.h>

#include "saleworker/statements.h"

enum { NUMBER_SIZE = 24 };

static void begin(size_t part, void *arg)
{
    struct snapshot_pages *pages = arg;
    (void)part;
    pages->after = (struct uuid){{0}};
}

static void go_on(const PGresult *result, int row, void *arg)
{
    struct snapshot_pages *pages = arg;
    pages->after = pg_uuid(result, row, SALE_SNAPSHOT_COLUMN_ID);
}

static bool ask(size_t part, pg_callback callback, void *callback_arg, void *arg)
{
    const struct snapshot_pages *pages = arg;
    char id[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    (void)part;
    uuid_format(&pages->after, id);
    (void)snprintf(limit, sizeof limit, "%d", REPUBLISH_PAGE_ROWS);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    const char *const values[] = {id, limit, life};
    return pg_query(pages->pg, STATEMENT_CHANGED, ARRAY_LEN(values), values, callback, callback_arg);
}

static bool publish(const PGresult *result, int row, void *arg)
{
    const struct snapshot_pages *pages = arg;
    struct sale_snapshot snapshot;
    return !sale_snapshot_read_row(result, row, &snapshot) || results_publish_snapshot(pages->results, &snapshot);
}

static bool connected(void *arg)
{
    const struct snapshot_pages *pages = arg;
    return results_connected(pages->results);
}

struct republish_options snapshot_pages_options(struct snapshot_pages *pages, struct event_base *base, unsigned shards)
{
    return (struct republish_options){
        .base = base,
        .shards = shards,
        .parts = 1,
        .changed_column = SALE_SNAPSHOT_COLUMN_COUNT,
        .begin = begin,
        .go_on = go_on,
        .ask = ask,
        .publish = publish,
        .connected = connected,
        .arg = pages,
    };
}
