/*
 * What the gateway and rostrum-picture say to each other. Pictures of strangers are decoded in a process of their own,
 * one per picture, so that a decoder that crashes, loops or eats memory harms that picture alone.
 *
 * The gateway gives the limits as arguments and the uploaded file on stdin, up to end of file. rostrum-picture answers
 * with its exit code and, when that is PICTURE_MADE, on stdout with a struct picture_head and then the files that it
 * announces, one after the other, each a WebP without metadata. Both run on one machine, so the head is written as it
 * lies in memory.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H
#define ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H

#include "common/base/base.h"

#define PICTURE_PROGRAM "rostrum-picture"

/* Exit codes. Any other, or a signal, means that the picture could not be worked on within its limits. */
enum picture_code {
    PICTURE_MADE = 0,
    PICTURE_USAGE = 2,      /* as every program of the deployment: wrong arguments */
    PICTURE_UNKNOWN = 10,   /* neither JPEG nor PNG nor WebP */
    PICTURE_BROKEN = 11,    /* one of these, but it cannot be decoded */
    PICTURE_TOO_LARGE = 12, /* more pixels than allowed */
    PICTURE_NO_LIBRARY = 13 /* libvips cannot be used: the installation's fault */
};

enum picture_size { PICTURE_FULL, PICTURE_1600, PICTURE_640, PICTURE_160, PICTURE_SIZES };

enum {
    PICTURE_MAGIC = 0x52505631,          /* "RPV1" */
    PICTURE_FULL_EDGE = 2560,            /* pixels of the longer side; larger ones are shrunk to it */
    PICTURE_FILE_MAX_BYTES = 16 << 20,   /* of one file that is made; 2560 x 2560 of noise stay below */
    PICTURE_UPLOAD_MAX_BYTES = 64 << 20, /* whatever the settings say */
};

struct picture_head {
    uint32_t magic;
    uint32_t lengths[PICTURE_SIZES]; /* bytes, of each file */
};

/* The kind that a file's first bytes say, whatever its name or declared type. */
enum picture_kind { PICTURE_NONE, PICTURE_JPEG, PICTURE_PNG, PICTURE_WEBP };
enum { PICTURE_SNIFF_BYTES = 12 };
enum picture_kind picture_kind(const void *bytes, size_t length);
/* "image/jpeg" and so on. */
const char *picture_kind_type(enum picture_kind kind);

#endif
