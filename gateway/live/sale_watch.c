/*
 * See sale_watch.h.
 */
#include "gateway/live/sale_watch.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/protocol/sale_snapshot.h"

static const struct pg_statement list[] = {
    [WATCH_LOOK] = {"sale_watch_look", "SELECT " SALE_SNAPSHOT_COLUMNS " FROM flash_sales WHERE id = ANY ($1::uuid[])"},
    [WATCH_CHECK] = {"sale_watch_check", "SELECT id, version FROM flash_sales WHERE id = ANY ($1::uuid[])"},
};
static_assert(ARRAY_LEN(list) == WATCH_STATEMENT_COUNT, "each statement has its entry");
static_assert(SALE_SNAPSHOT_COLUMN_ID == 0 && SALE_SNAPSHOT_COLUMN_VERSION == 1, "the columns that a watch reads");

struct statements sale_watch_statements = {list, ARRAY_LEN(list), 0};

static bool differs(const struct sale_live *a, const struct sale_live *b)
{
    return a->status != b->status || a->join_ms != b->join_ms || a->start_ms != b->start_ms || a->end_ms != b->end_ms;
}

static bool read_row(void *of, const struct uuid *id, const PGresult *result, int row)
{
    struct sale_state *state = of;
    struct sale_snapshot snapshot;
    if (!sale_snapshot_read_row(result, row, &snapshot)) {
        return false;
    }
    const struct sale *sale = &snapshot.sale;
    const struct sale_live found = {
        .sale_id = *id,
        .version = snapshot.version,
        .at_ms = sale->decided_ms,
        .status = sale->status,
        .quantity = sale->terms.quantity,
        .claimed = sale->claimed,
        .reserved = sale->reserved,
        .sold = sale->sold,
        .waiting = sale->waiting,
        .head_seq = snapshot.head_seq,
        .join_ms = sale->terms.join_ms,
        .start_ms = sale->terms.start_ms,
        .end_ms = sale->terms.end_ms,
    };
    state->changed = state->now.version > 0 && differs(&state->now, &found);
    if (found.version != state->line.version) {
        sale_line_reset(&state->line, found.version, found.head_seq);
    }
    state->now = found;
    return true;
}

static const void *row_update(const void *of)
{
    const struct sale_state *state = of;
    return state->changed ? &state->now : NULL;
}

static void apply(void *of, const void *update)
{
    struct sale_state *state = of;
    const struct sale_live *next = update;
    state->changed = differs(&state->now, next);
    sale_line_add(&state->line, next);
    state->now = *next;
}

static void write_message(struct jsonw *json, const char *type, const struct sale_live *now)
{
    jsonw_object(json);
    jsonw_put_string(json, "type", type);
    jsonw_put_uuid(json, "flashSaleId", &now->sale_id);
    jsonw_put_int(json, "version", now->version);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_put_string(json, "status", sale_status_text(now->status));
    jsonw_put_int(json, "available", now->quantity - now->claimed - now->reserved - now->sold);
    jsonw_put_int(json, "claimed", now->claimed);
    jsonw_put_int(json, "reserved", now->reserved);
    jsonw_put_int(json, "sold", now->sold);
    jsonw_put_int(json, "waiting", now->waiting);
    jsonw_put_time(json, "joinTime", now->join_ms);
    jsonw_put_time(json, "startTime", now->start_ms);
    jsonw_put_time(json, "endTime", now->end_ms);
    jsonw_end_object(json);
}

static void write_state(struct jsonw *json, const struct watches_options *options, const void *of)
{
    const struct sale_state *state = of;
    (void)options;
    write_message(json, "inventory:update", &state->now);
}

static void write_update(struct jsonw *json, const struct watches_options *options, const void *of, const void *update)
{
    const struct sale_state *state = of;
    (void)options;
    write_message(json, state->changed ? "sale:status-change" : "inventory:update", update);
}

static void release(void *state)
{
    (void)state; /* it owns nothing */
}

const struct watch_kind sale_watch_kind = {
    .noun = "sale",
    .statements = &sale_watch_statements,
    .state_size = sizeof(struct sale_state),
    .read_row = read_row,
    .row_update = row_update,
    .apply = apply,
    .write = write_state,
    .write_update = write_update,
    .release = release,
};

bool sale_watch_message(struct watches *watches, const struct uuid *sale, const char *bytes, size_t length)
{
    struct sale_live update;
    if (!watches_has(watches, sale)) {
        return false;
    }
    if (sale_live_read(bytes, length, &update) && uuid_equal(&update.sale_id, sale)) {
        watches_update(watches, sale, update.version, &update);
    } else {
        watches_reload(watches, sale);
    }
    return true;
}
