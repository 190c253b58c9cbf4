/*
 * See image_owner.h.
 */
#include "gateway/image/image_owner.h"

#include <assert.h>
#include <string.h>

enum {
    IMAGE_NOTE,
    IMAGE_CHECK,
    IMAGE_ADD,
    IMAGE_REMOVE,
    PRODUCT_IMAGE_CHECK,
    PRODUCT_IMAGE_ADD,
    PRODUCT_IMAGE_REMOVE,
    IMAGE_COUNT
};

/*
 * A file stays listed for an hour. That is longer than any upload, and than anyone looks at a page with a deleted
 * image.
 */
#define LEFTOVER_DUE "now() + interval '1 hour'"

/* `table`: of the images; `column`: their owner's id; `own`: more columns of the owner, table `owners` named `a`. */
#define CHECK(table, column, owners, own)                                                                              \
    "SELECT (SELECT count(*) FROM " table " i WHERE i." column " = a.id), m.files[1],"                                 \
    " (SELECT count(*) FROM " table " i WHERE i." column " = a.id AND i.position <= m.position)" own " FROM " owners   \
    " a LEFT JOIN " table " m ON m." column " = a.id AND m.id = $2 WHERE a.id = $1"
/*
 * Follows a CTE `there`, which has a row if the owner exists. Adds nothing if there are already $4 images, or if the
 * owner is gone. Of two concurrent images one takes the position, and the other adds nothing; so does one that has the
 * id of another. All statements lock the notes in one order, because two uploads may have the same content.
 */
#define ADD(table, column)                                                                                             \
    " added AS (INSERT INTO " table " (" column ", position, id, files, created_at)"                                   \
    " SELECT $1, coalesce(max(i.position), 0) + 1, $2, $3, $5 FROM " table " i"                                        \
    " WHERE i." column " = $1 HAVING count(*) < $4::int AND EXISTS (SELECT FROM there)"                                \
    " ON CONFLICT DO NOTHING RETURNING id),"                                                                           \
    " noted AS (DELETE FROM image_leftovers WHERE file IN (SELECT l.file FROM image_leftovers l"                       \
    " WHERE l.file = ANY ($3::uuid[]) AND EXISTS (SELECT FROM added) ORDER BY l.file FOR UPDATE))"                     \
    " SELECT (SELECT count(*) + 1 FROM " table " o WHERE o." column " = $1),"                                          \
    " (SELECT count(*) FROM there), (SELECT count(*) FROM added)"
#define REMOVE(table, column)                                                                                          \
    "WITH gone AS (DELETE FROM " table " WHERE " column " = $1 AND id = $2 RETURNING files),"                          \
    " noted AS (INSERT INTO image_leftovers (file, due) SELECT DISTINCT f.file, " LEFTOVER_DUE                         \
    " FROM gone, unnest(gone.files) f (file) ORDER BY 1 ON CONFLICT (file) DO NOTHING)"                                \
    " SELECT 1 FROM gone"

static const struct pg_statement list[] = {
    [IMAGE_NOTE] = {"image_note", "INSERT INTO image_leftovers AS l (file, due)"
                                  " SELECT DISTINCT f.file, " LEFTOVER_DUE " FROM unnest($1::uuid[]) f (file)"
                                  " ORDER BY 1 ON CONFLICT (file) DO UPDATE SET due = excluded.due"
                                  " WHERE NOT l.removing RETURNING l.file"},
    [IMAGE_CHECK] = {"image_check", CHECK("images", "auction_id", "auctions", ", a.seller_id, a.status, a.bid_count")},
    /*
     * A draft can be deleted, so it is locked: either its deletion sees this image, or this statement sees the
     * deletion. A published auction is never locked, because bids wait for these rows.
     */
    [IMAGE_ADD] = {"image_add",
                   "WITH draft AS (SELECT a.id FROM auctions a WHERE a.id = $1 AND a.status = 'draft' FOR KEY SHARE),"
                   " there AS (SELECT id FROM draft UNION ALL"
                   " SELECT a.id FROM auctions a WHERE a.id = $1 AND a.status <> 'draft')," ADD("images",
                                                                                                "auction_id")},
    [IMAGE_REMOVE] = {"image_remove", REMOVE("images", "auction_id")},
    [PRODUCT_IMAGE_CHECK] = {"product_image_check", CHECK("product_images", "product_id", "products", "")},
    [PRODUCT_IMAGE_ADD] = {"product_image_add", "WITH there AS (SELECT id FROM products WHERE id = $1)," ADD(
                                                    "product_images", "product_id")},
    [PRODUCT_IMAGE_REMOVE] = {"product_image_remove", REMOVE("product_images", "product_id")},
};
static_assert(ARRAY_LEN(list) == IMAGE_COUNT, "each statement has its entry");

struct statements image_owner_statements = {list, ARRAY_LEN(list), 0};

const size_t image_owner_note = IMAGE_NOTE;

/* ---- auctions ---- */

enum { COL_SELLER = IMAGE_OWNER_CHECKED, COL_STATUS, COL_BIDS };

static bool is_own(const struct request *request, const PGresult *result)
{
    struct uuid seller = pg_uuid(result, 0, COL_SELLER);
    return uuid_equal(&request->user.id, &seller);
}

static enum error_code auction_refusal(const struct request *request, const PGresult *result, bool adding)
{
    if (PQntuples(result) == 0) {
        return ERROR_NOT_FOUND;
    }
    bool own = is_own(request, result);
    const char *status = pg_text(result, 0, COL_STATUS);
    if (!own && strcmp(status, "draft") == 0) {
        return ERROR_NOT_FOUND; /* as view_hidden */
    }
    if (!own && (adding || !request->user.admin)) {
        return ERROR_FORBIDDEN;
    }
    if (!own) {
        return ERROR_COUNT;
    }
    if (strcmp(status, "cancelled") == 0) {
        return ERROR_AUCTION_CANCELLED;
    }
    if (strcmp(status, "draft") != 0 && strcmp(status, "scheduled") != 0 && strcmp(status, "active") != 0) {
        return ERROR_AUCTION_ENDED;
    }
    return !adding && pg_int(result, 0, COL_BIDS) > 0 ? ERROR_HAS_BIDS : ERROR_COUNT;
}

static bool auction_audited(const struct request *request, const PGresult *result)
{
    return !is_own(request, result);
}

const struct image_owner image_owner_auction = {
    .kind = "image",
    .check = IMAGE_CHECK,
    .add = IMAGE_ADD,
    .remove = IMAGE_REMOVE,
    .refusal = auction_refusal,
    .audited = auction_audited,
    .document = keys_snapshot,
};

/* ---- products ---- */

static enum error_code product_refusal(const struct request *request, const PGresult *result, bool adding)
{
    (void)request;
    (void)adding;
    return PQntuples(result) == 0 ? ERROR_NOT_FOUND : ERROR_COUNT;
}

/* Its routes are those of admins: each call was written to the log before it came here. */
static bool product_audited(const struct request *request, const PGresult *result)
{
    (void)request;
    (void)result;
    return false;
}

const struct image_owner image_owner_product = {
    .kind = "product_image",
    .check = PRODUCT_IMAGE_CHECK,
    .add = PRODUCT_IMAGE_ADD,
    .remove = PRODUCT_IMAGE_REMOVE,
    .refusal = product_refusal,
    .audited = product_audited,
    .document = keys_product,
};
