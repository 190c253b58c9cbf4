/*
 * SQL: the images of an auction or a product as JSON text, in their order. `table` holds the images, `column` of it the
 * id of what they belong to, which is `owner`. Callers: gateway/auction/view.h, gateway/sale/products.c.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_IMAGES_COLUMN_H
#define ROSTRUM_GATEWAY_QUERY_IMAGES_COLUMN_H

// clang-format off
#define IMAGES_COLUMN(table, column, owner)                                                              \
    "(SELECT coalesce(json_agg(json_build_object('id', i.id, 'url', '/images/' || i.files[1],"           \
    " 'thumbnails', json_build_object('160', '/images/' || i.files[4], '640', '/images/' || i.files[3]," \
    " '1600', '/images/' || i.files[2]), 'order', i.place) ORDER BY i.place), '[]')"                     \
    " FROM (SELECT id, files, row_number() OVER (ORDER BY position) AS place FROM " table                \
    " WHERE " column " = " owner ") i)"
// clang-format on

#endif
