/*
 * Images of auctions: POST /auctions/:id/images, DELETE /auctions/:id/images/:imageId, GET /images/:file. What blocks
 * (the decoding helper, the store) runs on two workpools of the gateway worker: one for uploads, one for reading, so
 * that a slow upload holds up no reader.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGES_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGES_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

struct gateway;
struct images;

extern const struct route images_routes[];
extern struct statements images_statements;

/* NULL only without memory: the store need not be there. After gateway->base and before gateway->conns. */
MUST_CHECK struct images *images_new(struct gateway *gateway);
void images_free(struct images *images);

/*
 * Whether a request that begins with these bytes is an upload, which may be larger than other bodies and take longer to
 * arrive; for conn.h, which asks once it has CONN_HEAD_BYTES or a whole line.
 */
bool images_is_upload(const char *head, size_t length);

#endif
