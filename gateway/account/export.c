/*
 * See export.h. The sections follow each other in the order of the table below. A cursor names the section and the last
 * row of it; the last page of a section leads to the next one. Each statement reads one page by an index. That of
 * places may read all places of the user, because the index orders those of one millisecond in another way.
 */
#include "gateway/account/export.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/page.h"

enum { NUMBER_SIZE = 16 };

enum section {
    SECTION_ACCOUNT,
    SECTION_SESSIONS,
    SECTION_PLACES,
    SECTION_ITEMS,
    SECTION_AUCTIONS,
    SECTION_BIDS,
    SECTION_QUEUE_ENTRIES,
    SECTION_ORDERS,
    SECTION_WATCHLIST,
    SECTION_NOTIFICATIONS,
    SECTION_WEBHOOKS,
    SECTION_DELIVERIES,
    SECTION_AUDIT,
    SECTION_COUNT
};

/* As in the API. */
static const char *const names[] = {
    [SECTION_ACCOUNT] = "account",
    [SECTION_SESSIONS] = "sessions",
    [SECTION_PLACES] = "loginPlaces",
    [SECTION_ITEMS] = "items",
    [SECTION_AUCTIONS] = "auctions",
    [SECTION_BIDS] = "bids",
    [SECTION_QUEUE_ENTRIES] = "queueEntries",
    [SECTION_ORDERS] = "orders",
    [SECTION_WATCHLIST] = "watchlist",
    [SECTION_NOTIFICATIONS] = "notifications",
    [SECTION_WEBHOOKS] = "webhooks",
    [SECTION_DELIVERIES] = "deliveries",
    [SECTION_AUDIT] = "auditLog",
};
static_assert(ARRAY_LEN(names) == SECTION_COUNT, "each section has its name");

/* clang-format off */
/* $1 user, $2 number and $3 id of the last row of the page before (NULL: none), $4 limit. Columns: row, number, id. */
#define BY_ID(table, columns, owner, id)                                                                               \
    "SELECT to_json(x), 0, x.id FROM (SELECT " columns " FROM " table " WHERE " owner " = $1"                          \
    " AND ($2::bigint IS NULL OR " id " > $3::uuid) ORDER BY " id " LIMIT $4) x"

/* The same, newest first; the number is the time in milliseconds. */
#define BY_TIME(table, columns, time)                                                                                  \
    "SELECT to_json(x), (extract(epoch FROM x." time ") * 1000)::bigint, x.id FROM (SELECT " columns " FROM " table    \
    " WHERE user_id = $1 AND (" time ", id) < (coalesce('epoch'::timestamptz + $2::bigint * interval '1 ms',"          \
    " 'infinity'), $3::uuid) ORDER BY " time " DESC, id DESC LIMIT $4) x"

static const struct pg_statement list[] = {
    [SECTION_ACCOUNT] = {"export_account", BY_ID("users",
        "id, email, display_name, role, language, created_at, verified_at, banned_at, muted, email_kinds, webhook_muted",
        "id", "id")},
    [SECTION_SESSIONS] = {"export_sessions", BY_ID("sessions", "id, created_at, expires_at, address, agent", "user_id",
        "id")},
    [SECTION_PLACES] = {"export_places", BY_ID("login_places", "md5(place)::uuid AS id, place, kind, seen_at", "user_id",
        "md5(place)::uuid")},
    [SECTION_ITEMS] = {"export_items", BY_ID("items", "id, title, description, created_at", "owner_id", "id")},
    [SECTION_AUCTIONS] = {"export_auctions", BY_ID("auctions", "id, item_id, title, description, category, starting_price,"
        " reserve_price, buy_now_price, status, start_time, end_time, current_bid, bid_count, winner_id, created_at",
        "seller_id", "id")},
    [SECTION_BIDS] = {"export_bids",
        "SELECT to_json(x), x.seq, x.auction_id FROM (SELECT auction_id, seq, bid_id, kind, status, reason, amount,"
        " max_amount, received_at, decided_at, effective FROM bids WHERE bidder_id = $1 AND ($2::bigint IS NULL OR"
        " (auction_id >= $3::uuid AND (auction_id > $3::uuid OR seq < $2::bigint)))"
        " ORDER BY auction_id, seq DESC LIMIT $4) x"},
    [SECTION_QUEUE_ENTRIES] = {"export_queue_entries", BY_TIME("queue_entries",
        "sale_id, seq, id, wanted, claim, status, turn_expires_at, joined_at", "joined_at")},
    [SECTION_ORDERS] = {"export_orders", BY_TIME("orders", "id, sale_id, seq, quantity, total_price, status, reason,"
        " expires_at, payment_ref, created_at, updated_at, (SELECT json_agg(json_build_object('id', r.id, 'amount',"
        " r.amount, 'reference', r.reference, 'created_at', r.created_at, 'refunded_at', r.refunded_at) ORDER BY r.id)"
        " FROM refunds r WHERE r.order_id = orders.id AND r.user_id = $1) AS refunds", "created_at")},
    [SECTION_WATCHLIST] = {"export_watchlist", BY_ID("watchlist", "auction_id AS id, created_at", "user_id",
        "auction_id")},
    [SECTION_NOTIFICATIONS] = {"export_notifications", BY_ID("notifications",
        "id, kind, auction_id, sale_id, order_id, amount, end_time, created_at, read_at, shown", "user_id", "id")},
    [SECTION_WEBHOOKS] = {"export_webhooks", BY_ID("webhooks", "id, url, description, events, off_reason, created_at",
        "owner_id", "id")},
    [SECTION_DELIVERIES] = {"export_deliveries", BY_ID("deliveries",
        "id, channel, kind, endpoint, payload, state, created_at, tried_at", "user_id", "id")},
    [SECTION_AUDIT] = {"export_audit", BY_ID("audit_log", "id, at, action, subject, address, agent", "actor_id", "id")},
};
/* clang-format on */
static_assert(ARRAY_LEN(list) == SECTION_COUNT, "each section has its statement");

struct statements export_statements = {list, ARRAY_LEN(list), 0};

enum { ROW, NUMBER, ID };

struct export
{
    enum section section;
    struct page page;
};

/* The cursor behind `row`, or before the first row of `section` if `result` is NULL. */
static void fill_cursor(enum section section, const PGresult *result, int row, struct cursor *cursor)
{
    *cursor = (struct cursor){.sort = "export"};
    (void)snprintf(cursor->key, sizeof(cursor->key), "%s %s", names[section],
                   result == NULL ? "" : pg_text(result, row, NUMBER));
    if (result != NULL) {
        cursor->id = pg_uuid(result, row, ID);
    }
}

static void on_rows(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct export *export = request->handler_state;
    int rows = PQntuples(reply->result);
    int shown = rows < export->page.limit ? rows : export->page.limit;
    struct cursor next;
    bool more = true;
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "section", names[export->section]);
    jsonw_name(json, "items");
    jsonw_array(json);
    for (int row = 0; row < shown; row++) {
        const char *text = pg_text(reply->result, row, ROW);
        jsonw_raw(json, text, strlen(text));
    }
    if (rows > shown) {
        fill_cursor(export->section, reply->result, shown - 1, &next);
    } else if (export->section + 1 < SECTION_COUNT) {
        fill_cursor(export->section + 1, NULL, 0, &next);
    } else {
        more = false;
    }
    page_end(json, more ? &next : NULL);
    reply_send(request, 200);
}

/* Sets the section, and `number` to that of the last row, "" if none. False: the key was forged. */
static bool read_key(const char *key, enum section *section, const char **number)
{
    enum { DIGITS_MAX = 18 };
    const char *blank = strchr(key, ' ');
    for (size_t i = 0; blank != NULL && i < SECTION_COUNT; i++) {
        if (strlen(names[i]) == (size_t)(blank - key) && strncmp(names[i], key, (size_t)(blank - key)) == 0) {
            *section = (enum section)i;
            *number = blank + 1;
            size_t digits = strspn(*number, "0123456789");
            return (*number)[digits] == '\0' && digits <= DIGITS_MAX;
        }
    }
    return false;
}

static void handle_export(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct export *export = request_handler_state(request, sizeof(*export));
    const char *number = "";
    char user[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    if (export == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    page_read(request, "export", &export->page, &field_errors);
    if (export->page.has_cursor && !read_key(export->page.cursor.key, &export->section, &number)) {
        field_errors_add(&field_errors, "cursor", FIELD_NOT_A_CURSOR);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    uuid_format(&request->user.id, user);
    uuid_format(&export->page.cursor.id, id);
    (void)snprintf(limit, sizeof(limit), "%d", export->page.limit + 1);
    const char *values[] = {user, number[0] == '\0' ? NULL : number, id, limit};
    if (!statements_query(request->context, &export_statements, export->section, ARRAY_LEN(values), values, on_rows,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route export_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/export", handle_export, LIMIT_NONE, ROUTE_NO_BODY, "limit cursor"},
    {0},
};
