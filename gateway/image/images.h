/*
 * Images of auctions: POST /auctions/:id/images, DELETE /auctions/:id/images/:imageId, GET /images/:file. What blocks
 * (the decoding helper, the store) runs on two workpools of the gateway worker: one for uploads, one for reading, so
 * that a slow upload holds up no reader.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGES_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGES_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

struct config;
struct event_base;
struct images;

struct images_options {
    struct event_base *base;
    const struct config *config;
    struct pg *pg;
    struct redis *redis;
};

extern const struct route images_routes[]; /* context: struct images */
extern struct statements images_statements;

/* NULL only without memory: the store need not be there. */
MUST_CHECK struct images *images_new(const struct images_options *options);
/* Removes no more files of images that are gone: other workers go on with it. */
void images_drain(struct images *images);
void images_free(struct images *images);

/*
 * Whether a request that begins with these bytes is an upload, which may be larger than other bodies and take longer to
 * arrive; for conn.h, which asks once it has CONN_HEAD_BYTES or a whole line.
 */
bool images_is_upload(const char *head, size_t length);

#endif
