/*
 * Stores the files of images in a folder or in a bucket of an S3-compatible store; [images] store selects which. Both
 * implement one table of functions. A file is named by its content. So it never changes, equal images are stored once,
 * and writing a file again is harmless.
 *
 * All calls block and are thread-safe: they run on a workpool. Caller: images.c.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGESTORE_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGESTORE_H

#include "common/base/ids.h"
#include "common/service/config.h"

enum imagestore_result {
    IMAGESTORE_OK,
    IMAGESTORE_ABSENT, /* no such file; counts as success of a removal */
    IMAGESTORE_DOWN,   /* unavailable; the reason was logged */
};

/* A part of a file, read from the store; the caller frees the bytes. */
struct imagestore_part {
    unsigned char *bytes;
    size_t length;
    size_t total; /* of the whole file */
};

/* The bytes from `offset` on, at most `most` of them. */
struct imagestore_range {
    size_t offset;
    size_t most;
};

struct imagestore_calls {
    void *(*open)(const struct config *config); /* NULL without memory; the store itself may be unavailable */
    void (*close)(void *backend);
    enum imagestore_result (*put)(void *backend, const char *name, const void *bytes, size_t length);
    enum imagestore_result (*get)(void *backend, const char *name, const struct imagestore_range *range,
                                  struct imagestore_part *out);
    enum imagestore_result (*remove)(void *backend, const char *name);
};

extern const struct imagestore_calls imagestore_file; /* imagestore_file.c */
extern const struct imagestore_calls imagestore_s3;   /* imagestore_s3.c */

struct imagestore;

MUST_CHECK struct imagestore *imagestore_open(const struct config *config);
void imagestore_close(struct imagestore *store);

/* The name of a file with these bytes: their hash, in the form of a UUID. */
struct uuid imagestore_name(const void *bytes, size_t length);

/* After IMAGESTORE_OK the file survives a crash. */
MUST_CHECK enum imagestore_result imagestore_put(struct imagestore *store, const struct uuid *id, const void *bytes,
                                                 size_t length);
/*
 * Reads a part of a file. On IMAGESTORE_OK it is not empty, and the caller frees `out`. A file of more than
 * IMAGE_FILE_MAX_BYTES, and a range beyond its end, give IMAGESTORE_DOWN.
 */
MUST_CHECK enum imagestore_result imagestore_get(struct imagestore *store, const struct uuid *id,
                                                 const struct imagestore_range *range, struct imagestore_part *out);
MUST_CHECK enum imagestore_result imagestore_remove(struct imagestore *store, const struct uuid *id);

#endif
