/*
 * See products.h. Creation and change write their entry of the audit log in the same statement.
 */
#include "gateway/sale/products.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/auction/terms.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/product_columns.h"
#include "gateway/query/timeline.h"
#include "gateway/search/queries.h"

enum {
    LOCATION_SIZE = 64,
    NUMBER_SIZE = 24,
    TEXT_MOST = 200,     /* characters of a search */
    TEXT_SIZE = 801,     /* the same as UTF-8 */
    CATEGORY_SIZE = 401, /* of TERMS_CATEGORY_MOST characters */
};

enum { PRODUCT_ADD, PRODUCT_CHANGE, PRODUCT_GET, PRODUCT_NEWEST, PRODUCT_OF_CATEGORY, PRODUCT_COUNT };

enum { COL_PRESENT_VERSION = PRODUCT_COLUMN_COUNT }; /* PRODUCT_CHANGE */

/*
 * Lists, newest first. $1 and $2: time and id of the cursor, $3 limit. Without a cursor they are replaced by bounds
 * beyond all rows, so that the condition uses the index in a generic plan, too.
 */
#define OLDER(row)                                                                                                     \
    "(" row ".created_at, " row ".id) < (coalesce($1::timestamptz, 'infinity'),"                                       \
    " coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
#define NEWEST(row) " ORDER BY " row ".created_at DESC, " row ".id DESC"
#define LIST(conditions)                                                                                               \
    "SELECT " PRODUCT_COLUMNS " FROM products p WHERE " OLDER("p") conditions NEWEST("p") " LIMIT $3"
/* For the audit log. */
#define AS_JSON(p)                                                                                                     \
    "jsonb_build_object('name', " p ".name, 'description', " p ".description, 'category', " p ".category,"             \
    " 'basePrice', " p ".base_price, 'version', " p ".version)"

static const struct pg_statement list[] = {
    /*
     * $1 id, $2 name, $3 description, $4 category, $5 price, $6 admin, $7 now, $8 id of the audit entry, $9 address,
     * $10 agent, $11 request. No row: an earlier request with the same key made the product.
     */
    [PRODUCT_ADD] = {"product_add",
                     "WITH added AS (INSERT INTO products AS n (id, name, description, category, base_price,"
                     "  created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
                     "  ON CONFLICT (id) DO NOTHING RETURNING n.*),"
                     " noted AS (" AUDIT_INSERT " SELECT $8, $7, $6, $9, $10, $11, 'PRODUCT_CREATE', id::text, NULL,"
                     "  " AS_JSON("added") ", '' FROM added)"
                                           " SELECT " PRODUCT_COLUMNS " FROM added p"},
    /* As above, but NULL leaves a text or the price unchanged. $12 version. A row of nulls: it has another version. */
    [PRODUCT_CHANGE] = {"product_change",
                        "WITH old AS (SELECT * FROM products WHERE id = $1 FOR UPDATE),"
                        " changed AS (UPDATE products c SET name = coalesce($2, c.name),"
                        "  description = coalesce($3, c.description), category = coalesce($4, c.category),"
                        "  base_price = coalesce($5, c.base_price), version = c.version + 1, updated_at = $7"
                        "  FROM old WHERE c.id = old.id AND old.version = $12 RETURNING c.*),"
                        " noted AS (" AUDIT_INSERT " SELECT $8, $7, $6, $9, $10, $11, 'PRODUCT_CHANGE', c.id::text,"
                        "  " AS_JSON("old") ", " AS_JSON("c") ", '' FROM changed c, old)"
                                                              " SELECT " PRODUCT_COLUMNS
                                                              ", old.version FROM old LEFT JOIN changed p ON true"},
    [PRODUCT_GET] = {"product_get", "SELECT " PRODUCT_COLUMNS " FROM products p WHERE p.id = $1"},
    [PRODUCT_NEWEST] = {"product_newest", LIST("")},
    [PRODUCT_OF_CATEGORY] = {"product_of_category", LIST(" AND p.category = $4")},
};
static_assert(ARRAY_LEN(list) == PRODUCT_COUNT, "each statement has its entry");

struct statements products_statements = {list, ARRAY_LEN(list), 0};

/* A search has a plan of its own, and connections beside those of all else. */
static const struct statements searches = {queries_all, QUERIES_COUNT, 0};

static const struct products_context *context_of(const struct request *request)
{
    return request->context;
}

static struct pg *pg_of(const struct request *request)
{
    return context_of(request)->pg;
}

static void write_row(struct jsonw *json, const PGresult *result, int row)
{
    const char *images = pg_text(result, row, PRODUCT_COLUMN_IMAGES);
    jsonw_put_string(json, "id", pg_text(result, row, PRODUCT_COLUMN_ID));
    jsonw_put_string(json, "name", pg_text(result, row, PRODUCT_COLUMN_NAME));
    jsonw_put_string(json, "description", pg_text(result, row, PRODUCT_COLUMN_DESCRIPTION));
    jsonw_put_string(json, "category", pg_text(result, row, PRODUCT_COLUMN_CATEGORY));
    jsonw_put_string(json, "currency", "USD");
    jsonw_put_money(json, "basePrice", pg_money(result, row, PRODUCT_COLUMN_PRICE));
    jsonw_name(json, "images");
    jsonw_raw(json, images, strlen(images));
    jsonw_put_int(json, "version", pg_int(result, row, PRODUCT_COLUMN_VERSION));
    jsonw_put_time(json, "createdAt", pg_int(result, row, PRODUCT_COLUMN_CREATED));
    jsonw_put_time(json, "updatedAt", pg_int(result, row, PRODUCT_COLUMN_UPDATED));
}

static void write_item(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    jsonw_object(json);
    write_row(json, result, row);
    jsonw_end_object(json);
}

/* ENDS the request with the product in the first row. */
static void reply_product(struct request *request, int status, const PGresult *result)
{
    documents_reply(context_of(request)->documents, request, status, result);
}

/* ---- one product ---- */

static bool query_product(struct request *request, const struct uuid *product, pg_callback then)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(product, id);
    return statements_query(pg_of(request), &products_statements, PRODUCT_GET, ARRAY_LEN(values), values, then,
                            request);
}

static void write_members(struct jsonw *json, const struct request_user *user, const PGresult *result)
{
    (void)user;
    write_row(json, result, 0);
}

const struct documents_kind product_document_kind = {
    .statements = &products_statements,
    .get = PRODUCT_GET,
    .version_column = PRODUCT_COLUMN_VERSION,
    .key = keys_product,
    .write_members = write_members,
};

static void handle_get(struct request *request)
{
    documents_get(context_of(request)->documents, request);
}

/* ---- lists ---- */

/* The same list with more conditions. */
#define PRODUCT_LIST(name, of, number)                                                                                 \
    static const struct timeline name = {                                                                              \
        .statements = &(of),                                                                                           \
        .statement = (number),                                                                                         \
        .everyones = true,                                                                                             \
        .tag = "products",                                                                                             \
        .key_column = PRODUCT_COLUMN_CREATED,                                                                          \
        .write = write_item,                                                                                           \
    }
PRODUCT_LIST(newest, products_statements, PRODUCT_NEWEST);
PRODUCT_LIST(of_category, products_statements, PRODUCT_OF_CATEGORY);
PRODUCT_LIST(matching, searches, QUERIES_PRODUCTS);

/* True if the parameter is there; one that is not a line of at most `most` characters becomes a field error. */
static bool read_line(struct request *request, const char *name, size_t most, char *out, size_t size,
                      struct field_errors *field_errors)
{
    if (!request_query(request, name, out, size)) {
        return false;
    }
    if (!fields_line(out, most)) {
        field_errors_add_one(field_errors, name, FIELD_INVALID_TEXT, parameter_number("max", (int64_t)most));
    }
    return true;
}

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char text[TEXT_SIZE];
    char category[CATEGORY_SIZE];
    bool has_text = read_line(request, "q", TEXT_MOST, text, sizeof(text), &field_errors) &&
                    text[strspn(text, " ")] != '\0'; /* a blank text is as none */
    bool has_category = read_line(request, "category", TERMS_CATEGORY_MOST, category, sizeof(category), &field_errors);
    const struct products_context *context = context_of(request);
    struct timeline_source source = {context->pg, context->redis, context->deployment};
    const char *both[] = {text, has_category ? category : NULL};
    const char *one[] = {category};
    if (has_text) {
        source.pg = context->search;
        timeline_reply_cached(&source, request, &matching, &field_errors, ARRAY_LEN(both), both);
    } else if (has_category) {
        timeline_reply_cached(&source, request, &of_category, &field_errors, ARRAY_LEN(one), one);
    } else {
        timeline_reply_cached(&source, request, &newest, &field_errors, 0, NULL);
    }
}

/* ---- creation and change ---- */

/* Members of a body; NULL: not given. Borrows from the body. */
struct product {
    const char *name;
    const char *description;
    const char *category;
    char price[MONEY_TEXT_SIZE]; /* "": not given */
    int64_t version;             /* of a change */
};

/* False: the price is invalid (400 INVALID_AMOUNT). */
static bool read_price(const struct json *body, enum fields_need need, struct product *product,
                       struct field_errors *field_errors)
{
    int64_t minor = 0;
    enum fields_money read = fields_money(body, "basePrice", &minor);
    if (read == FIELDS_MONEY_OK) {
        money_format(minor, product->price);
    } else if (read == FIELDS_MONEY_ABSENT && need == FIELDS_REQUIRED) {
        field_errors_add(field_errors, "basePrice", FIELD_REQUIRED);
    }
    return read != FIELDS_MONEY_INVALID;
}

/* False: the body is invalid, and the request was ENDED with 400. */
static bool read_product(struct request *request, bool change, struct product *product)
{
    static const char *const new_names[] = {"name", "description", "category", "basePrice", NULL};
    static const char *const change_names[] = {"name", "description", "category", "basePrice", "version", NULL};
    const struct json *body = request->body;
    enum fields_need need = change ? FIELDS_OPTIONAL : FIELDS_REQUIRED;
    struct field_errors field_errors = {.count = 0};
    *product = (struct product){.version = 0};
    fields_known(body, change ? change_names : new_names, &field_errors);
    if (!read_price(body, need, product, &field_errors)) {
        reply_invalid_amount(request, "basePrice");
        return false;
    }
    (void)fields_name(body, "name", need, 1, TERMS_TITLE_MOST, &product->name, &field_errors);
    (void)fields_text(body, "description", FIELDS_OPTIONAL, 0, TERMS_DESCRIPTION_MOST, &product->description,
                      &field_errors);
    (void)fields_name(body, "category", FIELDS_OPTIONAL, 0, TERMS_CATEGORY_MOST, &product->category, &field_errors);
    if (change) {
        (void)fields_int(body, "version", FIELDS_REQUIRED, 1, INT64_MAX, &product->version, &field_errors);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return false;
    }
    return true;
}

/* Values $1 to $11 of PRODUCT_ADD and PRODUCT_CHANGE, which point into `text`, the product and the request. */
enum { PRODUCT_VALUES = 11 };
struct product_text {
    char id[UUID_TEXT_SIZE];
    struct audit_origin origin;
};

static void product_values(struct request *request, const struct uuid *id, const struct product *product,
                           struct product_text *text, const char *values[static PRODUCT_VALUES])
{
    uuid_format(id, text->id);
    audit_origin_read(request, &text->origin);
    const char *filled[PRODUCT_VALUES] = {
        text->id,
        product->name,
        product->description,
        product->category,
        product->price[0] == '\0' ? NULL : product->price,
        text->origin.actor,
        text->origin.at,
        text->origin.id,
        request->address,
        text->origin.agent,
        request->id,
    };
    memcpy(values, filled, sizeof(filled));
}

static void reply_new(struct request *request, const PGresult *result)
{
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof(location), "/api/v1/products/%s", pg_text(result, 0, PRODUCT_COLUMN_ID));
    reply_header(request, "Location", location);
    reply_product(request, 201, result);
}

static void on_made(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        reply_new(request, reply->result);
    }
}

static void on_added(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) > 0) {
        reply_new(request, reply->result);
    } else if (!query_product(request, &creation_of(request)->id, on_made)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void add_product(struct request *request)
{
    struct product product;
    struct product_text text;
    const char *values[PRODUCT_VALUES];
    if (!read_product(request, false, &product)) {
        return;
    }
    product.description = product.description == NULL ? "" : product.description;
    product.category = product.category == NULL ? "" : product.category;
    product_values(request, &creation_of(request)->id, &product, &text, values);
    if (!creation_query(request, pg_of(request), &products_statements, PRODUCT_ADD, ARRAY_LEN(values), values,
                        on_added)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_add(struct request *request)
{
    /* A repeated request is inserted again, without effect: what was valid once is valid still. */
    creation_begin(request, "product", add_product, add_product);
}

static void on_changed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_NOT_FOUND)) {
        return;
    }
    if (pg_null(reply->result, 0, PRODUCT_COLUMN_ID)) {
        const struct parameter version = parameter_number("version", pg_int(reply->result, 0, COL_PRESENT_VERSION));
        reply_error_with(request, ERROR_VERSION_CONFLICT, &version, 1);
    } else {
        const struct products_context *context = context_of(request);
        documents_invalidate(context->redis, keys_product, context->deployment->epoch.number, &request->parameters[0]);
        reply_product(request, 200, reply->result);
    }
}

static void handle_change(struct request *request)
{
    struct product product;
    struct product_text text;
    char version[NUMBER_SIZE];
    const char *values[PRODUCT_VALUES + 1];
    if (!read_product(request, true, &product)) {
        return;
    }
    product_values(request, &request->parameters[0], &product, &text, values);
    (void)snprintf(version, sizeof(version), "%" PRId64, product.version);
    values[PRODUCT_VALUES] = version;
    if (!statements_query(pg_of(request), &products_statements, PRODUCT_CHANGE, ARRAY_LEN(values), values, on_changed,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route products_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/products", handle_list, LIMIT_SEARCHES, ROUTE_NO_BODY,
     "q category limit cursor"},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/products", handle_add, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/products/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_PUT, ROUTE_ADMIN, "/api/v1/products/:id", handle_change, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
