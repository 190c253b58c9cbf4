/*
 * Removes everything but the image from a WebP file. libvips 8.14 has an option for that, but its WebP writer ignores
 * it and adds EXIF data. Pure.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_WEBP_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_WEBP_H

#include "common/base/base.h"

/* Edits in place and returns the new length; 0: not a WebP file. */
size_t webp_bare(unsigned char *bytes, size_t length);

#endif
