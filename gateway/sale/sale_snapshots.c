/*
 * See sale_snapshots.h. gateway/query/snapshot_loads does the work; this file says what a snapshot of a sale is.
 */
#include "gateway/sale/sale_snapshots.h"

#include <assert.h>

#include "common/protocol/keys.h"

enum { SALE_SNAPSHOT_GET, SALE_SNAPSHOT_COUNT };

static const struct pg_statement list[] = {
    /* Terms are stored before their UPDATE is queued. Those of one that was never queued count for a day. */
    [SALE_SNAPSHOT_GET] = {"sale_snapshot_get",
                           "SELECT " SALE_SNAPSHOT_COLUMNS ", status = 'upcoming' AND EXISTS (SELECT FROM sale_terms t"
                           " WHERE t.sale_id = s.id AND t.id <> s.id AND t.created_at > now() - interval '1 day'"
                           " AND NOT EXISTS (SELECT FROM sale_ledger l WHERE l.sale_id = s.id AND l.command_id = t.id))"
                           " FROM flash_sales s WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == SALE_SNAPSHOT_COUNT, "each statement has its entry");

struct statements sale_snapshots_statements = {list, ARRAY_LEN(list), 0};

static_assert(sizeof(struct sale_snapshot) <= SNAPSHOT_LOADS_VALUE_SIZE, "the loads have room for a snapshot");

static bool read_row(const PGresult *result, int row, void *value)
{
    struct sale_snapshot *snapshot = value;
    bool valid = sale_snapshot_read_row(result, row, snapshot);
    snapshot->updating = pg_bool(result, row, SALE_SNAPSHOT_COLUMN_COUNT);
    return valid;
}

static bool read_text(const struct uuid *id, const char *text, size_t length, void *value)
{
    struct sale_snapshot *snapshot = value;
    *snapshot = (struct sale_snapshot){.sale_id = *id};
    return sale_snapshot_parse(text, length, snapshot);
}

static bool write_value(const struct snapshot_writer *writer, const void *value)
{
    return sale_snapshot_write(writer, value, NULL, NULL);
}

static void deliver(snapshot_loads_callback loaded, enum snapshots_outcome outcome, const void *value, void *arg)
{
    ((sale_snapshots_loaded)loaded)(outcome, value, arg);
}

static const struct snapshot_loads_kind kind = {
    .statements = &sale_snapshots_statements,
    .statement = SALE_SNAPSHOT_GET,
    .read_row = read_row,
    .read_text = read_text,
    .write = write_value,
    .key = keys_sale,
    .deliver = deliver,
};

struct snapshot_loads *sale_snapshots_new(const struct deployment *deployment, struct pg *pg, struct redis *redis)
{
    return snapshot_loads_new(&kind, deployment, pg, redis);
}

bool sale_snapshots_read(const redisReply *reply, const struct uuid *sale, struct sale_snapshot *snapshot)
{
    return snapshot_loads_read(&kind, reply, sale, snapshot);
}

void sale_snapshots_load(struct snapshot_loads *snapshots, const struct uuid *sale, sale_snapshots_loaded loaded,
                         void *arg)
{
    snapshot_loads_load(snapshots, sale, false, (snapshot_loads_callback)loaded, arg);
}

void sale_snapshots_confirm(struct snapshot_loads *snapshots, const struct sale_snapshot *snapshot,
                            sale_snapshots_loaded loaded, void *arg)
{
    snapshot_loads_load(snapshots, &snapshot->sale_id, snapshot->sale.status != SALE_UPCOMING,
                        (snapshot_loads_callback)loaded, arg);
}
