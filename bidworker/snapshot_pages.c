/*
 * See snapshot_pages.h.
 */
#include "bidworker/snapshot_pages.h"

#include <stdio.h>

#include "bidworker/statements.h"
#include "common/base/clock.h"
#include "common/protocol/snapshot.h"

enum { NUMBER_SIZE = 24 };

/* In this order. A draft has no snapshot. */
static const enum rules_status statuses[] = {RULES_ACTIVE, RULES_SCHEDULED, RULES_ENDED,
                                             RULES_SOLD,   RULES_UNSOLD,    RULES_CANCELLED};

/* Begins with the auctions of a status that have not ended for longer than a snapshot lives. */
static void begin(size_t part, void *arg)
{
    struct snapshot_pages *pages = arg;
    (void)part;
    pages->after_end_ms = clock_now_ms() - SNAPSHOT_LIFE_S * INT64_C(1000);
    pages->after_id = (struct uuid){{0}};
}

static void go_on(const PGresult *result, int row, void *arg)
{
    struct snapshot_pages *pages = arg;
    pages->after_end_ms = pg_int(result, row, SNAPSHOT_COLUMN_END);
    pages->after_id = pg_uuid(result, row, SNAPSHOT_COLUMN_ID);
}

static bool ask(size_t part, pg_callback callback, void *callback_arg, void *arg)
{
    const struct snapshot_pages *pages = arg;
    char after[CLOCK_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    clock_format(pages->after_end_ms, after);
    uuid_format(&pages->after_id, id);
    (void)snprintf(limit, sizeof limit, "%d", REPUBLISH_PAGE_ROWS);
    (void)snprintf(life, sizeof life, "%d", SNAPSHOT_LIFE_S);
    const char *const values[] = {rules_status_text(statuses[part]), after, id, limit, life};
    return pg_query(pages->pg, STATEMENT_CHANGED, ARRAY_LEN(values), values, callback, callback_arg);
}

static bool publish(const PGresult *result, int row, void *arg)
{
    const struct snapshot_pages *pages = arg;
    struct snapshot snapshot;
    return !snapshot_read_row(result, row, &snapshot) || results_publish_snapshot(pages->results, &snapshot);
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
        .parts = ARRAY_LEN(statuses),
        .changed_column = SNAPSHOT_COLUMN_COUNT,
        .begin = begin,
        .go_on = go_on,
        .ask = ask,
        .publish = publish,
        .connected = connected,
        .arg = pages,
    };
}
