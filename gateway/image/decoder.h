/*
 * Making an uploaded picture anew by rostrum-picture, a process of its own with limits
 * (common/protocol/image_decoder.h). Blocks: it is called on the threads of a workpool, never on the loop. images.c is
 * the caller.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_H

#include "common/protocol/image_decoder.h"

struct pictures_limits {
    int pixels_max;
    int memory_mib;
    int timeout_s; /* of processor time, and of waiting */
};

enum pictures_result {
    PICTURES_MADE,
    PICTURES_UNKNOWN,   /* neither JPEG nor PNG nor WebP */
    PICTURES_BROKEN,    /* cannot be decoded, or not within the limits of memory and time */
    PICTURES_TOO_LARGE, /* more than pixels_max */
    PICTURES_NO_HELPER, /* the deployment's own fault; it was logged */
};

struct pictures_file {
    unsigned char *bytes;
    size_t length;
};

struct pictures {
    struct pictures_file files[PICTURE_SIZES];
    unsigned char *memory; /* that the files lie in */
};

/* `out` is to be given to pictures_free whatever the result. */
MUST_CHECK enum pictures_result pictures_make(const struct pictures_limits *limits, const void *bytes, size_t length,
                                              struct pictures *out);
void pictures_free(struct pictures *pictures);

#endif
