/*
 * See auction_document.h.
 */
#include "gateway/auction/auction_document.h"

#include <assert.h>
#include <string.h>

#include "gateway/auction/view.h"
#include "gateway/auction/you.h"
#include "gateway/bid/snapshots.h"

enum { DOCUMENT_GET, DOCUMENT_GET_FOR, DOCUMENT_COUNT };

static const struct pg_statement list[] = {
    [DOCUMENT_GET] = {"document_get", "SELECT " VIEW_COLUMNS " FROM auctions a WHERE a.id = $1"},
    /* $2 user */
    [DOCUMENT_GET_FOR] = {"document_get_for", "SELECT " VIEW_COLUMNS ", " YOU_COLUMNS("$2") " FROM auctions a" YOU_JOIN(
                                                  "$2") " WHERE a.id = $1"},
};
static_assert(ARRAY_LEN(list) == DOCUMENT_COUNT, "each statement has its entry");

struct statements auction_document_statements = {list, ARRAY_LEN(list), 0};

static bool is_public(const PGresult *result)
{
    return strcmp(pg_text(result, 0, VIEW_STATUS), "draft") != 0;
}

static void write_members(struct jsonw *json, const struct request_user *user, const PGresult *result)
{
    view_write_members(json, user, result, 0);
}

static void write_you(struct jsonw *json, const struct deployment *deployment, const struct request_user *user,
                      const PGresult *result)
{
    struct uuid id = pg_uuid(result, 0, VIEW_ID);
    jsonw_name(json, "you");
    you_write(json, deployment, &id, &user->id, result, VIEW_COLUMN_COUNT);
}

static_assert(sizeof(struct snapshot) <= DOCUMENTS_SNAPSHOT_SIZE, "documents have room for a snapshot");

static bool read_snapshot(const redisReply *reply, const struct uuid *id, void *of, int64_t *version)
{
    struct snapshot *snapshot = of;
    if (!snapshots_read(reply, id, snapshot)) {
        return false;
    }
    *version = snapshot->version;
    return true;
}

static bool write_newer(struct jsonw *json, const char *name, const void *of)
{
    const struct snapshot *newer = of;
    if (strcmp(name, "currentBid") == 0 && newer->current_bid > 0) {
        jsonw_put_money(json, name, newer->current_bid);
    } else if (strcmp(name, "minimumBid") == 0) {
        jsonw_put_money(json, name, newer->minimum_bid);
    } else if (strcmp(name, "endTime") == 0) {
        jsonw_put_time(json, name, newer->end_ms);
    } else if (strcmp(name, "status") == 0) {
        jsonw_put_string(json, name, rules_status_text(newer->status));
    } else if (strcmp(name, "version") == 0) {
        jsonw_put_int(json, name, newer->version);
    } else {
        return false;
    }
    return true;
}

const struct documents_kind auction_document_kind = {
    .statements = &auction_document_statements,
    .get = DOCUMENT_GET,
    .get_for = DOCUMENT_GET_FOR,
    .version_column = VIEW_VERSION,
    .key = keys_snapshot,
    .hidden = view_hidden,
    .is_public = is_public,
    .write_members = write_members,
    .write_you = write_you,
    .read_snapshot = read_snapshot,
    .write_newer = write_newer,
};
