/*
 * See auction_watch.h.
 */
#include "gateway/live/auction_watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/deployment.h"
#include "gateway/live/live_message.h"
#include "gateway/query/columns.h"

static const struct pg_statement list[] = {
    /* clang-format off */
    [WATCH_LOOK] = {"watch_look",
        "SELECT a.id, a.version, a.status, " COLUMNS_MS("a.start_time") ", " COLUMNS_MS("a.end_time")
        ", a.current_bid, a.minimum_bid, a.bid_count, a.reserve_price IS NULL OR a.current_bid >= a.reserve_price,"
        " a.title, a.currency, a.starting_price, (SELECT coalesce(json_agg(json_build_array(n.bid_id, n.bidder_id,"
        " (n.amount * 100)::bigint, " COLUMNS_MS("n.decided_at") ", n.automatic::integer) ORDER BY n.seq DESC), '[]')"
        " FROM (SELECT * FROM public_bids b WHERE b.auction_id = a.id AND b.in_history"
        "  ORDER BY b.seq DESC LIMIT 20) n)"
        " FROM auctions a WHERE a.id = ANY ($1::uuid[]) AND a.status <> 'draft'"},
    [WATCH_CHECK] = {"watch_check", "SELECT id, version FROM auctions WHERE id = ANY ($1::uuid[])"},
    /* clang-format on */
};
static_assert(ARRAY_LEN(list) == WATCH_STATEMENT_COUNT, "each statement has its entry");

struct statements auction_watch_statements = {list, ARRAY_LEN(list), 0};

enum {
    COLUMN_ID,
    COLUMN_VERSION,
    COLUMN_STATUS,
    COLUMN_START,
    COLUMN_END,
    COLUMN_CURRENT,
    COLUMN_MINIMUM,
    COLUMN_COUNT,
    COLUMN_RESERVE_MET,
    COLUMN_TITLE,
    COLUMN_CURRENCY,
    COLUMN_STARTING,
    COLUMN_BIDS
};

static bool read_bids(struct live_state *state, const char *text)
{
    struct json *tree = json_parse(text, strlen(text), NULL);
    bool ok = live_read_bids(tree, state->newest, &state->bids);
    json_free(tree);
    return ok;
}

static bool read_row(void *of, const struct uuid *id, const PGresult *result, int row)
{
    struct live_state *state = of;
    struct live_state found = {
        .auction_id = *id,
        .seq = pg_int(result, row, COLUMN_VERSION),
        .title = strdup(pg_text(result, row, COLUMN_TITLE)),
        .starting_price = pg_money(result, row, COLUMN_STARTING),
        .start_ms = pg_int(result, row, COLUMN_START),
        .end_ms = pg_int(result, row, COLUMN_END),
        .current_bid = pg_money(result, row, COLUMN_CURRENT),
        .minimum_bid = pg_money(result, row, COLUMN_MINIMUM),
        .bid_count = pg_int(result, row, COLUMN_COUNT),
        .reserve_met = pg_bool(result, row, COLUMN_RESERVE_MET),
    };
    (void)snprintf(found.currency, sizeof(found.currency), "%s", pg_text(result, row, COLUMN_CURRENCY));
    if (!rules_status_parse(pg_text(result, row, COLUMN_STATUS), &found.status) || found.title == NULL ||
        !read_bids(&found, pg_text(result, row, COLUMN_BIDS))) {
        free(found.title);
        return false;
    }
    free(state->title);
    *state = found;
    return true;
}

static void apply(void *state, const void *update)
{
    live_message_apply(state, update);
}

static void write_state(struct jsonw *json, const struct watches_options *options, const void *state)
{
    live_message_snapshot(json, state, options->deployment->facts.pseudonym);
}

static void write_update(struct jsonw *json, const struct watches_options *options, const void *state,
                         const void *update)
{
    live_message_update(json, state, update, options->deployment->facts.pseudonym);
}

static void release(void *of)
{
    struct live_state *state = of;
    free(state->title);
}

const struct watch_kind auction_watch_kind = {
    .noun = "auction",
    .statements = &auction_watch_statements,
    .state_size = sizeof(struct live_state),
    .read_row = read_row,
    .apply = apply,
    .write = write_state,
    .write_update = write_update,
    .release = release,
};

void auction_watch_message(struct watches *watches, const struct uuid *auction, const char *bytes, size_t length)
{
    struct live_update update;
    const struct live_state *state = watches_state(watches, auction);
    if (!live_read(bytes, length, &update) || !uuid_equal(&update.auction_id, auction)) {
        watches_reload(watches, auction);
    } else if (update.kind != LIVE_ENDING_SOON) {
        watches_update(watches, auction, update.version, update.kind == LIVE_LOOK ? NULL : &update);
    } else if (state != NULL) {
        const struct live_update soon = {.kind = LIVE_ENDING_SOON, .end_ms = state->end_ms};
        watches_send(watches, auction, &soon);
    }
}
