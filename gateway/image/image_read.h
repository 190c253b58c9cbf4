/*
 * GET /images/:file: serves the files of images, whatever they belong to. The store blocks, so a file is read in pieces
 * on a workpool of its own.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGE_READ_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGE_READ_H

#include "gateway/http/router.h"

struct file_replies;
struct imagestore;
struct workpool;

/* What the handler uses. images.c fills it. */
struct image_read_context {
    struct imagestore *store;
    struct workpool *readers;
    struct file_replies *replies;
};

extern const struct route image_read_routes[]; /* context: struct image_read_context */

#endif
