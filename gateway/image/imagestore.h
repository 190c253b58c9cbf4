/*
 * Where the files of images are kept: a folder, or a bucket of any S3-compatible store; [images] store says which. The
 * two stand behind one table of functions. A file is named by its content, so that it never changes, the same picture
 * is kept once, and writing it again does no harm.
 *
 * All calls block and may be made by several threads at once: they belong on a workpool. images.c is the caller.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGESTORE_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGESTORE_H

#include "common/base/ids.h"
#include "common/service/config.h"

enum imagestore_result {
    IMAGESTORE_OK,
    IMAGESTORE_ABSENT, /* there is no such file; for a removal as good as OK */
    IMAGESTORE_DOWN,   /* not now; why was logged */
};

/* Bytes that were read, the caller's to free. */
struct imagestore_bytes {
    unsigned char *bytes;
    size_t length;
};

struct imagestore_calls {
    void *(*open)(const struct config *config); /* NULL without memory; the store itself need not be there */
    void (*close)(void *backend);
    enum imagestore_result (*put)(void *backend, const char *name, const void *bytes, size_t length);
    enum imagestore_result (*get)(void *backend, const char *name, struct imagestore_bytes *out);
    enum imagestore_result (*remove)(void *backend, const char *name);
};

extern const struct imagestore_calls imagestore_file; /* imagestore_file.c */
extern const struct imagestore_calls imagestore_s3;   /* imagestore_s3.c */

struct imagestore;

MUST_CHECK struct imagestore *imagestore_open(const struct config *config);
void imagestore_close(struct imagestore *store);

/* The name that these bytes have: a hash of them, in the form of a UUID. */
struct uuid imagestore_name(const void *bytes, size_t length);

/* What was written is there after a crash too. */
MUST_CHECK enum imagestore_result imagestore_put(struct imagestore *store, const struct uuid *id, const void *bytes,
                                                 size_t length);
/* On OK `out` is to be freed; at most PICTURE_FILE_MAX_BYTES, more is DOWN. */
MUST_CHECK enum imagestore_result imagestore_get(struct imagestore *store, const struct uuid *id,
                                                 struct imagestore_bytes *out);
MUST_CHECK enum imagestore_result imagestore_remove(struct imagestore *store, const struct uuid *id);

#endif
