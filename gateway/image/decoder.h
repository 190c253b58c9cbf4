/*
 * Making an uploaded picture anew by rostrum-image-decoder, a process of its own with limits
 * (common/protocol/image_decoder.h). Blocks: it is called on the threads of a workpool, never on the loop. images.c is
 * the caller.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_H

#include "common/protocol/image_decoder.h"

struct decoder_limits {
    int pixels_max;
    int memory_mib;
    int timeout_s; /* of processor time, and of waiting */
};

enum decoder_result {
    DECODER_MADE,
    DECODER_UNKNOWN,   /* neither JPEG nor PNG nor WebP */
    DECODER_BROKEN,    /* cannot be decoded, or not within the limits of memory and time */
    DECODER_TOO_LARGE, /* more than pixels_max */
    DECODER_NO_HELPER, /* the deployment's own fault; it was logged */
};

struct decoder_file {
    unsigned char *bytes;
    size_t length;
};

struct decoder {
    struct decoder_file files[IMAGE_SIZES];
    unsigned char *memory; /* that the files lie in */
};

/* `out` is to be given to decoder_free whatever the result. */
MUST_CHECK enum decoder_result decoder_make(const struct decoder_limits *limits, const void *bytes, size_t length,
                                            struct decoder *out);
void decoder_free(struct decoder *decoder);

#endif
