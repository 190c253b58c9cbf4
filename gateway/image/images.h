/*
 * Images of auctions and products: POST /auctions/:id/images, DELETE /auctions/:id/images/:imageId, and the same under
 * /products. image_read.c serves the files. Blocking work (the decoder, the store) runs on two workpools of the gateway
 * worker. One serves uploads and one reads, so that a slow upload delays no reader.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGES_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGES_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"

struct config;
struct event_base;
struct image_read_context;
struct images;

struct images_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
};

extern const struct route images_routes[]; /* context: struct images */

/* NULL only without memory. The store may be unavailable. */
MUST_CHECK struct images *images_new(const struct images_options *options);
/* Stops removing the files of deleted images: other workers continue. */
void images_drain(struct images *images);
void images_free(struct images *images);
/* The context of image_read_routes. */
struct image_read_context *images_reading(struct images *images);
/* Why uploads are 503, for GET /ready; NULL: nothing is known. It is tried at the start, and by every upload. */
const char *images_decoder_problem(const struct images *images);

/*
 * True if a request that starts with these bytes is an upload, whose body is read only when the handler asks for it.
 * conn.h calls it once it has CONN_HEAD_BYTES or a whole line.
 */
bool images_is_upload(const char *head, size_t length);

#endif
