/*
 * The protocol between the gateway and rostrum-image-decoder. Each uploaded image is decoded in a process of its own,
 * so a decoder that crashes, loops or exhausts its memory affects only that image.
 *
 * The gateway passes the limits as arguments, and the uploaded file on stdin up to end of file. The decoder answers
 * with its exit code. If that is IMAGE_MADE, stdout holds a struct image_head and then the announced files, one after
 * the other. Each file is a WebP without metadata. Both programs run on one machine, so the head is written as its
 * bytes in memory.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H
#define ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H

#include "common/base/base.h"

#define IMAGE_PROGRAM "rostrum-image-decoder"

/* Exit codes. Any other code, or a signal, means that the image could not be decoded within its limits. */
enum image_code {
    IMAGE_MADE = 0,
    IMAGE_USAGE = 2,      /* wrong arguments, as in every program of the deployment */
    IMAGE_UNKNOWN = 10,   /* neither JPEG nor PNG nor WebP */
    IMAGE_BROKEN = 11,    /* one of these formats, but it cannot be decoded */
    IMAGE_TOO_LARGE = 12, /* more pixels than allowed */
    IMAGE_NO_LIBRARY = 13 /* libvips cannot be loaded: an error of the installation */
};

enum image_size { IMAGE_FULL, IMAGE_1600, IMAGE_640, IMAGE_160, IMAGE_SIZES };

enum {
    IMAGE_MAGIC = 0x52505631,          /* "RPV1" */
    IMAGE_FULL_EDGE = 2560,            /* pixels of the longer side; a larger image is reduced to it */
    IMAGE_FILE_MAX_BYTES = 16 << 20,   /* of one output file; 2560 x 2560 of noise stay below */
    IMAGE_UPLOAD_MAX_BYTES = 64 << 20, /* upper limit, regardless of the settings */
};

struct image_head {
    uint32_t magic;
    uint32_t lengths[IMAGE_SIZES]; /* length of each file in bytes */
};

/*
 * The format by a file's first bytes; its name and declared type are ignored. IMAGE_NONE if fewer than
 * IMAGE_SNIFF_BYTES.
 */
enum image_kind { IMAGE_NONE, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP };
enum { IMAGE_SNIFF_BYTES = 12 };
enum image_kind image_kind(const void *bytes, size_t length);
/* The media type: "image/jpeg" and so on; for IMAGE_NONE "application/octet-stream". */
const char *image_kind_type(enum image_kind kind);

#endif
