/*
 * Re-encodes an uploaded image in rostrum-image-decoder, a separate process in a sandbox
 * (common/protocol/image_decoder.h). The call blocks: it runs on a thread of a workpool, never on the loop. Caller:
 * images.c.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_H

#include "common/protocol/image_decoder.h"

struct config;

struct decoder_limits {
    int pixels_max;
    int memory_mib;
    int timeout_s; /* limit of CPU time, and of the whole call */
    enum image_sandbox sandbox;
    const char *socket; /* where systemd starts the program for each connection; "none": the gateway starts it */
};

enum decoder_result {
    DECODER_MADE,
    DECODER_UNKNOWN,   /* neither JPEG nor PNG nor WebP */
    DECODER_BROKEN,    /* cannot be decoded, or exceeds the limits of memory and time */
    DECODER_TOO_LARGE, /* more than pixels_max */
    DECODER_NO_HELPER, /* an error of the deployment, or a sandbox that is not possible; both were logged */
};

struct decoder_file {
    unsigned char *bytes;
    size_t length;
};

struct decoder {
    struct decoder_file files[IMAGE_SIZES];
    unsigned char *memory; /* holds the bytes of the files */
    const char *problem;   /* of DECODER_NO_HELPER: a static sentence without names of this machine; else NULL */
};

/* The limits of the settings, which must outlive them. */
struct decoder_limits decoder_limits_of(const struct config *config);

/* `out` must be passed to decoder_free after any result. */
MUST_CHECK enum decoder_result decoder_make(const struct decoder_limits *limits, const void *bytes, size_t length,
                                            struct decoder *out);
/* Decodes no bytes. Returns the problem of program or sandbox; NULL: both work. */
const char *decoder_try(const struct decoder_limits *limits);
void decoder_free(struct decoder *decoder);

#endif
