/*
 * Leaving out of a WebP file all that is not its picture. libvips 8.14 has an option for that, which its WebP writer
 * does not follow: it adds EXIF of its own making. Pure.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_WEBP_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_WEBP_H

#include "common/base/base.h"

/* In place; the new length. 0: this is no WebP file. */
size_t webp_bare(unsigned char *bytes, size_t length);

#endif
