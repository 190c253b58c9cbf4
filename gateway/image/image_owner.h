/*
 * What images belong to: auctions and products. Their rows in PostgreSQL, who may change them, and the statements of
 * both. The files are the same for all; a file may be shared. Caller: images.c.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGE_OWNER_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGE_OWNER_H

#include "gateway/core/deployment.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"
#include "gateway/query/documents.h"
#include "gateway/query/statements.h"

struct redis;

extern struct statements image_owner_statements;

/* Lists the files $1 in image_leftovers. Returns fewer if one of them is being removed right now. */
extern const size_t image_owner_note;

struct image_owner {
    const char *kind; /* of its images, in idempotency keys */
    /*
     * Statements. `check`: $1 owner, $2 the image that an earlier request with the same key may have added, or NULL;
     * the columns are IMAGE_OWNER_CHECKED, then its own. `add`: $1 owner, $2 image, $3 files, $4 the maximum, $5 now;
     * the columns are IMAGE_OWNER_ADDED. `remove`: $1 owner, $2 image; a row if it was there.
     */
    size_t check;
    size_t add;
    size_t remove;
    /* The reason why the user must not change these images, by a row of `check`; ERROR_COUNT: none. */
    enum error_code (*refusal)(const struct request *request, const PGresult *result, bool adding);
    /* Whether the removal is that of an admin, which is written to the audit log first. */
    bool (*audited)(const struct request *request, const PGresult *result);
    documents_key document; /* the document that shows the images */
};

/* Columns of `check`: the number of images, and first file and order of the image $2. */
enum { IMAGE_OWNER_IMAGES, IMAGE_OWNER_FILE, IMAGE_OWNER_ORDER, IMAGE_OWNER_CHECKED };
/* Columns of `add`: the order of the new image, whether the owner exists, whether the image was added. */
enum { IMAGE_OWNER_NEW_ORDER, IMAGE_OWNER_THERE, IMAGE_OWNER_ADDED };

extern const struct image_owner image_owner_auction;
extern const struct image_owner image_owner_product;

#endif
