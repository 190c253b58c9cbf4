/*
 * See sales.h. Lists are without `you`; those of guests are cached (gateway/query/cache.h). One sale has it for a user:
 * the user's place, its exact position, and the orders that hold units. A guest is answered from Redis: see
 * gateway/query/documents.h.
 */
#include "gateway/sale/sales.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/timeline.h"
#include "gateway/sale/position.h"
#include "gateway/sale/sale_snapshots.h"
#include "gateway/sale/sale_terms.h"
#include "gateway/sale/sale_view.h"

enum { LOCATION_SIZE = 64, STATUS_SIZE = 128 };

enum { SALE_ADD, SALE_GET, SALE_GET_FOR, SALE_NEWEST, SALE_NEWEST_OF_PRODUCT, SALE_STARTING, SALE_COUNT };

/*
 * Lists. $1 and $2: key and id of the cursor, $3 limit. Without a cursor they are replaced by bounds beyond all rows,
 * so that the condition uses the index in a generic plan, too.
 */
#define AFTER(key, than, key_bound, id_bound)                                                                          \
    "(" key ", s.id) " than " (coalesce($1::timestamptz, '" key_bound "'), coalesce($2::uuid, '" id_bound "'))"
#define OLDER AFTER("s.created_at", "<", "infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
#define LATER AFTER("s.start_time", ">", "-infinity", "00000000-0000-0000-0000-000000000000")

/* clang-format off */
static const struct pg_statement list[] = {
    /*
     * After the terms: $10 id, $11 product, $12 admin, $13 now, $14 id of the audit entry, $15 address, $16 agent,
     * $17 request. No row: there is no such product, or an earlier request with the same key made the sale.
     */
    [SALE_ADD] = {"sale_add",
                  "WITH added AS (INSERT INTO flash_sales AS f (" SALE_TERMS_COLUMNS ", id, product_id, created_by,"
                  "  created_at, updated_at)"
                  "  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13"
                  "  WHERE EXISTS (SELECT FROM products WHERE id = $11) ON CONFLICT (id) DO NOTHING RETURNING f.*),"
                  " noted AS (" AUDIT_INSERT " SELECT $14, $13, $12, $15, $16, $17, 'SALE_CREATE', id::text, NULL,"
                  "  jsonb_build_object('productId', product_id, " SALE_TERMS_JSON "), '' FROM added)"
                  " SELECT " SALE_VIEW_COLUMNS " FROM added s"},
    [SALE_GET] = {"sale_get", "SELECT " SALE_VIEW_COLUMNS " FROM flash_sales s WHERE s.id = $1"},
    /* $2 user. A row for each order that holds units, at most 20, the newest first; or one without an order. */
    [SALE_GET_FOR] = {"sale_get_for",
                      "SELECT v.*, o.* FROM (SELECT " SALE_VIEW_COLUMNS ", " POSITION_COLUMNS
                      " FROM flash_sales s" POSITION_JOIN("$2") " WHERE s.id = $1 OFFSET 0) v"
                      " LEFT JOIN (SELECT h.* FROM (SELECT id, quantity, total_price, status, "
                      COLUMNS_MS("expires_at") ", seq FROM orders WHERE sale_id = $1 AND user_id = $2"
                      "  AND status IN ('reserved', 'confirmed') OFFSET 0) h ORDER BY h.seq DESC LIMIT 20) o ON true"
                      " ORDER BY o.seq DESC"},
    [SALE_NEWEST] = {"sale_newest", "SELECT " SALE_VIEW_COLUMNS " FROM flash_sales s WHERE " OLDER
                                    " ORDER BY s.created_at DESC, s.id DESC LIMIT $3"},
    /* $4 product, $5 statuses with commas or NULL */
    [SALE_NEWEST_OF_PRODUCT] = {"sale_newest_of_product",
                                "SELECT " SALE_VIEW_COLUMNS " FROM flash_sales s WHERE s.product_id = $4 AND " OLDER
                                " AND ($5::text IS NULL OR s.status = ANY (string_to_array($5, ',')))"
                                " ORDER BY s.created_at DESC, s.id DESC LIMIT $3"},
    /* $4 statuses with commas. The first of each status in the order of the index, then the first of these. */
    [SALE_STARTING] = {"sale_starting",
                       "SELECT " SALE_VIEW_COLUMNS
                       " FROM (SELECT DISTINCT unnest(string_to_array($4, ',')) AS status) f CROSS JOIN LATERAL"
                       " (SELECT * FROM flash_sales s WHERE s.status = f.status AND " LATER
                       "  ORDER BY s.start_time, s.id LIMIT $3) s"
                       " ORDER BY s.start_time, s.id LIMIT $3"},
};
/* clang-format on */
static_assert(ARRAY_LEN(list) == SALE_COUNT, "each statement has its entry");

struct statements sales_statements = {list, ARRAY_LEN(list), 0};

/* Columns of SALE_GET_FOR. */
enum {
    COL_POSITION = SALE_VIEW_COLUMN_COUNT,
    COL_ORDER = COL_POSITION + POSITION_COLUMN_COUNT,
    COL_QUANTITY,
    COL_TOTAL_PRICE,
    COL_ORDER_STATUS,
    COL_ORDER_EXPIRES,
};

static const struct sales_context *context_of(const struct request *request)
{
    return request->context;
}

static struct pg *pg_of(const struct request *request)
{
    return context_of(request)->pg;
}

/* ---- JSON ---- */

static void write_order(struct jsonw *json, enum sale_status sale_status, const PGresult *result, int row)
{
    const struct sale sale = {.status = sale_status};
    struct sale_order order = {.status = SALE_ORDER_RESERVED};
    bool known = sale_order_parse(pg_text(result, row, COL_ORDER_STATUS), &order.status);
    jsonw_object(json);
    jsonw_put_string(json, "orderId", pg_text(result, row, COL_ORDER));
    jsonw_put_int(json, "quantity", pg_int(result, row, COL_QUANTITY));
    jsonw_put_money(json, "totalPrice", pg_money(result, row, COL_TOTAL_PRICE));
    jsonw_put_string(json, "status", known ? sale_order_text(sale_order_effective(&sale, &order)) : "");
    columns_put_time(json, "expiresAt", result, row, COL_ORDER_EXPIRES);
    jsonw_end_object(json);
}

/* The member `you`. `position` NULL: a new sale. Else the orders are in the rows of SALE_GET_FOR. */
static void write_you(struct jsonw *json, const struct position *position, const PGresult *result)
{
    static const struct position none = {.position = POSITION_NONE};
    const struct position *shown = position == NULL ? &none : position;
    jsonw_name(json, "you");
    jsonw_object(json);
    if (shown->placed) {
        jsonw_put_uuid(json, "entryId", &shown->entry_id);
    } else {
        jsonw_put_null(json, "entryId");
    }
    position_write(json, shown);
    jsonw_name(json, "orders");
    jsonw_array(json);
    for (int row = 0; position != NULL && row < PQntuples(result) && !pg_null(result, row, COL_ORDER); row++) {
        write_order(json, position->sale_status, result, row);
    }
    jsonw_end_array(json);
    jsonw_end_object(json);
}

static void write_item(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    jsonw_object(json);
    sale_view_write_members(json, result, row);
    jsonw_end_object(json);
}

static void set_location(struct request *request, const PGresult *result)
{
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof(location), "/api/v1/flash-sales/%s", pg_text(result, 0, SALE_VIEW_ID));
    reply_header(request, "Location", location);
}

/* ---- one sale ---- */

static void write_members(struct jsonw *json, const struct request_user *user, const PGresult *result)
{
    (void)user;
    sale_view_write_members(json, result, 0);
}

/* Of the rows of SALE_GET_FOR. */
static void write_own(struct jsonw *json, const struct deployment *deployment, const struct request_user *user,
                      const PGresult *result)
{
    struct position position;
    (void)deployment;
    (void)user;
    position_read(result, 0, COL_POSITION, &position);
    write_you(json, &position, result);
}

static_assert(sizeof(struct sale_snapshot) <= DOCUMENTS_SNAPSHOT_SIZE, "documents have room for a snapshot");

static bool read_snapshot(const redisReply *reply, const struct uuid *id, void *of, int64_t *version)
{
    struct sale_snapshot *snapshot = of;
    if (!sale_snapshots_read(reply, id, snapshot)) {
        return false;
    }
    *version = snapshot->version;
    return true;
}

static bool write_newer(struct jsonw *json, const char *name, const void *snapshot)
{
    return sale_view_write_member(json, name, snapshot);
}

const struct documents_kind sale_document_kind = {
    .statements = &sales_statements,
    .get = SALE_GET,
    .get_for = SALE_GET_FOR,
    .version_column = SALE_VIEW_VERSION,
    .key = keys_sale,
    .write_members = write_members,
    .write_you = write_own,
    .read_snapshot = read_snapshot,
    .write_newer = write_newer,
    .whole = true,
};

static void handle_get(struct request *request)
{
    documents_get(context_of(request)->documents, request);
}

/* ---- lists ---- */

static const struct timeline newest = {
    .statements = &sales_statements,
    .statement = SALE_NEWEST,
    .everyones = true,
    .tag = "newest",
    .key_column = SALE_VIEW_CREATED,
    .write = write_item,
};

static const struct timeline newest_of_product = {
    .statements = &sales_statements,
    .statement = SALE_NEWEST_OF_PRODUCT,
    .everyones = true,
    .tag = "newest",
    .key_column = SALE_VIEW_CREATED,
    .write = write_item,
};

static const struct timeline starting = {
    .statements = &sales_statements,
    .statement = SALE_STARTING,
    .everyones = true,
    .tag = "starting",
    .key_column = SALE_VIEW_START,
    .write = write_item,
};

static bool is_status(const char *word)
{
    enum sale_status status = SALE_UPCOMING;
    return sale_status_parse(word, &status);
}

/* The order follows from the filters, so that each page is read from an index. */
static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct uuid id;
    char status[STATUS_SIZE];
    char product[UUID_TEXT_SIZE];
    bool of_status = request_query(request, "status", status, sizeof(status));
    bool of_product = request_query(request, "productId", product, sizeof(product));
    if (of_status && !fields_words(status, is_status)) {
        field_errors_add_one(&field_errors, "status", FIELD_UNKNOWN_WORDS,
                             parameter_words("allowed", "upcoming open active ended settled sold_out cancelled"));
    }
    if (of_product && !uuid_parse(product, strlen(product), &id)) {
        field_errors_add(&field_errors, "productId", FIELD_NOT_A_UUID);
    }
    const struct sales_context *context = context_of(request);
    const struct timeline_source source = {context->pg, context->redis, context->deployment};
    const char *both[] = {product, of_status ? status : NULL};
    const char *one[] = {status};
    if (of_product) {
        timeline_reply_cached(&source, request, &newest_of_product, &field_errors, ARRAY_LEN(both), both);
    } else if (of_status) {
        timeline_reply_cached(&source, request, &starting, &field_errors, ARRAY_LEN(one), one);
    } else {
        timeline_reply_cached(&source, request, &newest, &field_errors, 0, NULL);
    }
}

/* ---- creation ---- */

static void refuse_product(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    field_errors_add(&field_errors, "productId", FIELD_UNKNOWN_PRODUCT);
    reply_field_errors(request, &field_errors);
}

/* A sale that this request has made has neither places nor orders. */
static void reply_new(struct request *request, const PGresult *result)
{
    struct jsonw *json = reply_json(request);
    set_location(request, result);
    jsonw_object(json);
    sale_view_write_members(json, result, 0);
    write_you(json, NULL, result);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
    reply_send(request, 201);
}

static bool query_made(struct request *request, pg_callback then)
{
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {id, user};
    uuid_format(&creation_of(request)->id, id);
    uuid_format(&request->user.id, user);
    return statements_query(pg_of(request), &sales_statements, SALE_GET_FOR, ARRAY_LEN(values), values, then, request);
}

/* Answers with the sale that an earlier request with the same key has made, or calls `absent` if there is none. */
static void show_made(struct request *request, const struct pg_reply *reply, route_handler absent)
{
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        absent(request);
        return;
    }
    set_location(request, reply->result);
    documents_reply(context_of(request)->documents, request, 201, reply->result);
}

static void on_made(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, refuse_product);
}

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) > 0) {
        reply_new(request, reply->result);
    } else if (!creation_of(request)->keyed || !query_made(request, on_made)) {
        refuse_product(request);
    }
}

static void add_sale(struct request *request, const struct sale_terms *terms, const struct uuid *product)
{
    enum { OWN_VALUES = 8 };
    struct sale_terms_text text;
    struct audit_origin origin;
    char id[UUID_TEXT_SIZE];
    char product_text[UUID_TEXT_SIZE];
    const char *values[SALE_TERMS_VALUES + OWN_VALUES];
    sale_terms_values(terms, &text, values);
    audit_origin_read(request, &origin);
    uuid_format(&creation_of(request)->id, id);
    uuid_format(product, product_text);
    const char *own[OWN_VALUES] = {id,        product_text,     origin.actor, origin.at,
                                   origin.id, request->address, origin.agent, request->id};
    memcpy(values + SALE_TERMS_VALUES, own, sizeof(own));
    if (!creation_query(request, pg_of(request), &sales_statements, SALE_ADD, ARRAY_LEN(values), values, on_added)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void create(struct request *request)
{
    struct uuid product = {{0}};
    struct sale_terms terms = sale_terms_default();
    const struct sale_terms_reading reading = {
        .payments = context_of(request)->payment_keys->count > 0, .now_ms = clock_now_ms(), .product = &product};
    if (sale_terms_read(request, &reading, &terms)) {
        add_sale(request, &terms, &product);
    }
}

static void on_repeated(const struct pg_reply *reply, void *arg)
{
    show_made(arg, reply, create); /* PostgreSQL was restored */
}

/* The terms are not read again: a start that was valid then may be in the past now. */
static void repeat(struct request *request)
{
    if (!query_made(request, on_repeated)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_create(struct request *request)
{
    creation_begin(request, "flash_sale", repeat, create);
}

const struct route sales_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/flash-sales", handle_list, LIMIT_SEARCHES, ROUTE_NO_BODY,
     "status productId limit cursor"},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/flash-sales", handle_create, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/flash-sales/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
