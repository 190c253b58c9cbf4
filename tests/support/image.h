/*
 * Pictures for tests, made here and not read from files: a PNG of any size with pixels that nobody else has, a small
 * JPEG that carries what a camera writes into it, and a PNG that only claims to be large. And what a WebP says of its
 * size.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_IMAGE_H
#define ROSTRUM_TESTS_SUPPORT_IMAGE_H

#include "common/base/base.h"

/* The caller's to free. They fail the test when there is no memory. */
struct image {
    unsigned char *bytes;
    size_t length;
};

/* Noise, another one with each seed; not compressed, so three bytes a pixel and some. */
struct image image_png(unsigned width, unsigned height, uint32_t seed);
/* A whole and valid file up to its pixels, of which there are none. */
struct image image_png_claim(unsigned width, unsigned height);
/* 24 x 16 as stored; its EXIF says that it is to be turned (so it shows as 16 x 24) and holds PICTURE_SECRET. */
struct image image_jpeg(void);
#define IMAGE_SECRET "taken at the seller's home"

/* Width and height of a WebP; false if it is none. */
MUST_CHECK bool image_webp_size(const void *bytes, size_t length, unsigned *width, unsigned *height);

#endif
