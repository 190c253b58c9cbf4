/*
 * Images of auctions: POST /auctions/:id/images, DELETE /auctions/:id/images/:imageId, GET /images/:file. What blocks
 * (the decoding helper, the store) runs on two workpools of the gateway worker: one for uploads, one for reading, so
 * that a slow upload holds up no reader.
 */
#ifndef ROSTRUM_GATEWAY_IMAGES_H
#define ROSTRUM_GATEWAY_IMAGES_H

#include "gateway/router.h"
#include "gateway/statements.h"

struct gateway;
struct images;

extern const struct route images_routes[];
extern struct statements images_statements;

// clang-format off
/* An auction's `images` as JSON text, in their order; for a statement that has a row of auctions named `a`. */
#define IMAGES_COLUMN                                                                                       \
    "(SELECT coalesce(json_agg(json_build_object('id', i.id, 'url', '/images/' || i.files[1],"              \
    " 'thumbnails', json_build_object('160', '/images/' || i.files[4], '640', '/images/' || i.files[3],"    \
    " '1600', '/images/' || i.files[2]), 'order', i.place) ORDER BY i.place), '[]')"                        \
    " FROM (SELECT id, files, row_number() OVER (ORDER BY position) AS place FROM images"                   \
    " WHERE auction_id = a.id) i)"
// clang-format on

/* NULL only without memory: the store need not be there. After gateway->base and before gateway->conns. */
MUST_CHECK struct images *images_new(struct gateway *gateway);
void images_free(struct images *images);

/*
 * Whether a request that begins with these bytes is an upload, which may be larger than other bodies and take longer to
 * arrive; for conn.h, which asks once it has CONN_HEAD_BYTES or a whole line.
 */
bool images_is_upload(const char *head, size_t length);

#endif
