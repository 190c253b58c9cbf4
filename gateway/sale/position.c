/*
 * See position.h.
 */
#include "gateway/sale/position.h"

#include <assert.h>

#include "common/rules/sale_set.h"

enum { POSITION_GET, POSITION_COUNT };

static const struct pg_statement list[] = {
    /* $1 sale, $2 user */
    [POSITION_GET] = {"position_get",
                      "SELECT " POSITION_COLUMNS " FROM flash_sales s" POSITION_JOIN("$2") " WHERE s.id = $1"},
};
static_assert(ARRAY_LEN(list) == POSITION_COUNT, "each statement has its entry");

struct statements position_statements = {list, ARRAY_LEN(list), 0};

bool position_query(struct pg *pg, const struct uuid *sale, const struct uuid *user, pg_callback then, void *arg)
{
    char sale_text[UUID_TEXT_SIZE];
    char user_text[UUID_TEXT_SIZE];
    const char *values[] = {sale_text, user_text};
    uuid_format(sale, sale_text);
    uuid_format(user, user_text);
    return statements_query(pg, &position_statements, POSITION_GET, ARRAY_LEN(values), values, then, arg);
}

/* A word that this version does not know is one of a state that is over. */
static enum sale_status sale_status_of(const char *word)
{
    enum sale_status status = SALE_SETTLED;
    return sale_status_parse(word, &status) ? status : SALE_SETTLED;
}

static enum sale_entry_status entry_status_of(const char *word)
{
    enum sale_entry_status status = SALE_ENTRY_CLOSED;
    return sale_entry_parse(word, &status) ? status : SALE_ENTRY_CLOSED;
}

void position_read(const PGresult *result, int row, int first, struct position *out)
{
    const struct sale sale = {.status = sale_status_of(pg_text(result, row, first + POSITION_SALE_STATUS))};
    *out = (struct position){
        .sale_status = sale.status,
        .version = pg_int(result, row, first + POSITION_SALE_VERSION),
        .waiting = pg_int(result, row, first + POSITION_WAITING),
        .placed = !pg_null(result, row, first + POSITION_ENTRY),
        .position = POSITION_NONE,
    };
    if (!out->placed) {
        return;
    }
    const struct sale_entry entry = {.status = entry_status_of(pg_text(result, row, first + POSITION_STATUS))};
    out->entry_id = pg_uuid(result, row, first + POSITION_ENTRY);
    out->seq = pg_int(result, row, first + POSITION_SEQ);
    out->status = sale_entry_effective(&sale, &entry);
    out->claim = pg_int(result, row, first + POSITION_CLAIM);
    if (!pg_null(result, row, first + POSITION_EXPIRES)) {
        out->expires_ms = pg_int(result, row, first + POSITION_EXPIRES);
    }
    if (out->status == SALE_ENTRY_TURN) {
        out->position = 0;
    } else if (!pg_null(result, row, first + POSITION_POSITION)) {
        out->position = pg_int(result, row, first + POSITION_POSITION);
    }
}

void position_write(struct jsonw *json, const struct position *position)
{
    if (position->position == POSITION_NONE) {
        jsonw_put_null(json, "position");
    } else {
        jsonw_put_int(json, "position", position->position);
    }
    if (position->placed) {
        jsonw_put_string(json, "status", sale_entry_text(position->status));
    } else {
        jsonw_put_null(json, "status");
    }
    if (position->expires_ms > 0) {
        jsonw_put_time(json, "turnExpiresAt", position->expires_ms);
    } else {
        jsonw_put_null(json, "turnExpiresAt");
    }
}
