/*
 * What the gateway and rostrum-image-decoder say to each other. Pictures of strangers are decoded in a process of their
 * own, one per picture, so that a decoder that crashes, loops or eats memory harms that picture alone.
 *
 * The gateway gives the limits as arguments and the uploaded file on stdin, up to end of file. rostrum-image-decoder
 * answers with its exit code and, when that is PICTURE_MADE, on stdout with a struct image_head and then the files that
 * it announces, one after the other, each a WebP without metadata. Both run on one machine, so the head is written as
 * it lies in memory.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H
#define ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H

#include "common/base/base.h"

#define IMAGE_PROGRAM "rostrum-image-decoder"

/* Exit codes. Any other, or a signal, means that the picture could not be worked on within its limits. */
enum image_code {
    IMAGE_MADE = 0,
    IMAGE_USAGE = 2,      /* as every program of the deployment: wrong arguments */
    IMAGE_UNKNOWN = 10,   /* neither JPEG nor PNG nor WebP */
    IMAGE_BROKEN = 11,    /* one of these, but it cannot be decoded */
    IMAGE_TOO_LARGE = 12, /* more pixels than allowed */
    IMAGE_NO_LIBRARY = 13 /* libvips cannot be used: the installation's fault */
};

enum image_size { IMAGE_FULL, IMAGE_1600, IMAGE_640, IMAGE_160, IMAGE_SIZES };

enum {
    IMAGE_MAGIC = 0x52505631,          /* "RPV1" */
    IMAGE_FULL_EDGE = 2560,            /* pixels of the longer side; larger ones are shrunk to it */
    IMAGE_FILE_MAX_BYTES = 16 << 20,   /* of one file that is made; 2560 x 2560 of noise stay below */
    IMAGE_UPLOAD_MAX_BYTES = 64 << 20, /* whatever the settings say */
};

struct image_head {
    uint32_t magic;
    uint32_t lengths[IMAGE_SIZES]; /* bytes, of each file */
};

/* The kind that a file's first bytes say, whatever its name or declared type. */
enum image_kind { IMAGE_NONE, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP };
enum { IMAGE_SNIFF_BYTES = 12 };
enum image_kind image_kind(const void *bytes, size_t length);
/* "image/jpeg" and so on. */
const char *image_kind_type(enum image_kind kind);

#endif
