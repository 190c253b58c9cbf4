/*
 * See due.h. Without an outage an EXPIRE has `refused_ms` 0. Else it has the longer one of the two times that the
 * deployment refused within the oldest turn, and within the oldest reservation. All others were granted later, so less
 * of the outage lies within them: none ends too early. Some may last longer than their own share, up to the length of
 * the outage.
 */
#include "endworker/due.h"

#include <assert.h>
#include <stdio.h>

#include "common/io/pg.h"
#include "common/protocol/message.h"
#include "common/protocol/sale_message.h"
#include "common/rules/sale_words.h"

/* --- auctions --- */

static void auction_query(const struct due_page *page, int64_t until_ms, int limit, struct due_query *query)
{
    clock_format(until_ms, query->until);
    clock_format(page->after_ms, query->after_time);
    uuid_format(&page->after_id, query->after_id);
    (void)snprintf(query->limit, sizeof(query->limit), "%d", limit);
    query->count = 0;
    query->values[query->count++] = query->until;
    query->values[query->count++] = query->after_time;
    query->values[query->count++] = query->after_id;
    query->values[query->count++] = query->limit;
}

static void starts_query(const struct due_page *page, int limit, struct due_query *query)
{
    auction_query(page, page->now_ms, limit, query);
}

static void ends_query(const struct due_page *page, int limit, struct due_query *query)
{
    auction_query(page, page->now_ms - page->grace_ms, limit, query);
}

static struct due auction_read(const PGresult *result, int row, struct due_page *page)
{
    page->after_id = pg_uuid(result, row, 0);
    page->after_ms = pg_int(result, row, 1);
    return (struct due){.id = page->after_id, .cause = page->after_ms};
}

static bool starts_read(const PGresult *result, int row, struct due_page *page, struct due *due)
{
    *due = auction_read(result, row, page);
    due->kind = COMMAND_START;
    due->received_ms = page->now_ms;
    return true;
}

static bool ends_read(const PGresult *result, int row, struct due_page *page, struct due *due)
{
    *due = auction_read(result, row, page);
    due->kind = COMMAND_FENCE;
    due->received_ms = page->now_ms - page->grace_ms;
    return true;
}

static void auction_write(struct jsonw *writer, const struct due *due, const struct uuid *command_id)
{
    const struct command command = {.kind = (enum command_kind)due->kind,
                                    .id = *command_id,
                                    .auction_id = due->id,
                                    .received_ms = due->received_ms};
    message_write_commands(writer, &command, 1);
}

static const char *auction_word(int kind)
{
    return kind == COMMAND_START ? "start" : "fence";
}

/* --- flash sales --- */

enum { SALE_ID, SALE_KIND, SALE_CAUSE, SALE_TURN, SALE_TURN_SINCE, SALE_RESERVATION, SALE_RESERVATION_SINCE };

static void sale_query(const struct due_page *page, int limit, struct due_query *query)
{
    clock_format(page->now_ms, query->now);
    clock_format(page->now_ms - page->grace_ms, query->until);
    uuid_format(&page->after_id, query->after_id);
    (void)snprintf(query->limit, sizeof(query->limit), "%d", limit);
    query->count = 0;
    query->values[query->count++] = query->now;
    query->values[query->count++] = query->until;
    query->values[query->count++] = query->after_id;
    query->values[query->count++] =
        page->after_kind == SALE_COMMAND_NONE ? "" : sale_command_text((enum sale_command_kind)page->after_kind);
    query->values[query->count++] = query->limit;
}

/* The earlier end of the oldest turn and reservation, and the longer time of outages within one of them. */
static int64_t earliest(const PGresult *result, int row, const struct due_page *page, int64_t *refused_ms)
{
    static const int columns[][2] = {{SALE_TURN, SALE_TURN_SINCE}, {SALE_RESERVATION, SALE_RESERVATION_SINCE}};
    int64_t least_ms = INT64_MAX;
    *refused_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (!pg_null(result, row, columns[i][0])) {
            int64_t at_ms = pg_int(result, row, columns[i][0]);
            int64_t lost_ms = outages_ms(page->outages, pg_int(result, row, columns[i][1]), page->now_ms);
            least_ms = at_ms < least_ms ? at_ms : least_ms;
            *refused_ms = lost_ms > *refused_ms ? lost_ms : *refused_ms;
        }
    }
    return least_ms;
}

static bool sale_read(const PGresult *result, int row, struct due_page *page, struct due *due)
{
    enum sale_command_kind kind = SALE_COMMAND_NONE;
    bool known = sale_command_parse(pg_text(result, row, SALE_KIND), &kind);
    assert(known);
    (void)known;
    *due =
        (struct due){.id = pg_uuid(result, row, SALE_ID), .kind = (int)kind, .cause = pg_int(result, row, SALE_CAUSE)};
    page->after_id = due->id;
    page->after_kind = due->kind;
    due->received_ms = page->now_ms;
    if (kind == SALE_COMMAND_FENCE || kind == SALE_COMMAND_EXPIRE) {
        due->received_ms -= page->grace_ms;
    }
    return kind != SALE_COMMAND_EXPIRE ||
           earliest(result, row, page, &due->refused_ms) <= due->received_ms - due->refused_ms;
}

static void sale_write(struct jsonw *writer, const struct due *due, const struct uuid *command_id)
{
    const struct sale_message_command message = {.command = {.kind = (enum sale_command_kind)due->kind,
                                                             .id = *command_id,
                                                             .received_ms = due->received_ms,
                                                             .refused_ms = due->refused_ms},
                                                 .sale_id = due->id};
    sale_message_write_commands(writer, &message, 1);
}

static const char *sale_word(int kind)
{
    return sale_command_text((enum sale_command_kind)kind);
}

const struct due_source due_sources[DUE_SOURCES] = {
    {"auction", STATEMENT_DUE_STARTS, starts_query, starts_read, auction_write, auction_word, &topology_bids},
    {"auction", STATEMENT_DUE_FENCES, ends_query, ends_read, auction_write, auction_word, &topology_bids},
    {"sale", STATEMENT_DUE_SALES, sale_query, sale_read, sale_write, sale_word, &topology_sales},
};
