/*
 * Generated images for tests: a PNG of any size with unique pixels, a small JPEG with EXIF data, and a PNG whose header
 * declares a large size. And a parser of a WebP's size.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_IMAGE_H
#define ROSTRUM_TESTS_SUPPORT_IMAGE_H

#include "common/base/base.h"

/* The caller frees `bytes`. The functions fail the test if there is no memory. */
struct image {
    unsigned char *bytes;
    size_t length;
};

/* Noise that depends on the seed; not compressed, so slightly more than three bytes a pixel. */
struct image image_png(unsigned width, unsigned height, uint32_t seed);
/* A valid PNG of this declared size, without pixels. */
struct image image_png_claim(unsigned width, unsigned height);
/* Stored as 24 x 16. Its EXIF has an orientation (so it is displayed as 16 x 24) and a description, IMAGE_SECRET. */
struct image image_jpeg(void);
#define IMAGE_SECRET "taken at the seller's home"

/* Reads width and height of a WebP; false if it is not a WebP. */
MUST_CHECK bool image_webp_size(const void *bytes, size_t length, unsigned *width, unsigned *height);

#endif
