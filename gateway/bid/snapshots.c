/*
 * See snapshots.h. gateway/query/snapshot_loads does the work; this file says what a snapshot of an auction is.
 */
#include "gateway/bid/snapshots.h"

#include <assert.h>

#include "common/protocol/keys.h"

enum { SNAPSHOT_GET, SNAPSHOT_COUNT };

static const struct pg_statement list[] = {
    [SNAPSHOT_GET] = {"snapshot_get", "SELECT " SNAPSHOT_COLUMNS " FROM auctions WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == SNAPSHOT_COUNT, "each statement has its entry");

struct statements snapshots_statements = {list, ARRAY_LEN(list), 0};

static_assert(sizeof(struct snapshot) <= SNAPSHOT_LOADS_VALUE_SIZE, "the loads have room for a snapshot");

static bool read_row(const PGresult *result, int row, void *value)
{
    return snapshot_read_row(result, row, value);
}

static bool read_text(const struct uuid *id, const char *text, size_t length, void *value)
{
    struct snapshot *snapshot = value;
    *snapshot = (struct snapshot){.auction_id = *id};
    return snapshot_parse(text, length, snapshot);
}

/* A draft is published without the queue, so that nothing would refresh its snapshot in Redis. */
static bool write_unless_draft(const struct snapshot_writer *writer, const void *value)
{
    const struct snapshot *snapshot = value;
    return snapshot->status == RULES_DRAFT || snapshot_write(writer, snapshot, NULL, NULL);
}

static void deliver(snapshot_loads_callback loaded, enum snapshots_outcome outcome, const void *value, void *arg)
{
    ((snapshots_loaded)loaded)(outcome, value, arg);
}

static const struct snapshot_loads_kind kind = {
    .statements = &snapshots_statements,
    .statement = SNAPSHOT_GET,
    .read_row = read_row,
    .read_text = read_text,
    .write = write_unless_draft,
    .key = keys_snapshot,
    .deliver = deliver,
};

struct snapshot_loads *snapshots_new(const struct deployment *deployment, struct pg *pg, struct redis *redis)
{
    return snapshot_loads_new(&kind, deployment, pg, redis);
}

bool snapshots_read(const redisReply *reply, const struct uuid *auction, struct snapshot *snapshot)
{
    return snapshot_loads_read(&kind, reply, auction, snapshot);
}

void snapshots_load(struct snapshot_loads *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg)
{
    snapshot_loads_load(snapshots, auction, false, (snapshot_loads_callback)loaded, arg);
}

void snapshots_confirm(struct snapshot_loads *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg)
{
    snapshot_loads_load(snapshots, auction, true, (snapshot_loads_callback)loaded, arg);
}
