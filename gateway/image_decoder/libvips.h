/*
 * Declares the few functions of libvips (8.13 or later) that rostrum-image-decoder calls. Debian's libvips-dev depends
 * on 450 MB of other libraries' headers, ten times the run-time library. The functions belong to the ABI of
 * libvips.so.42, which has them since 8.0 (vips_block_untrusted_set: since 8.13).
 *
 * The program links against that name and checks the version at start. Options of operations are pairs "name", value,
 * …, terminated by NULL.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_DECODER_LIBVIPS_H
#define ROSTRUM_GATEWAY_IMAGE_DECODER_LIBVIPS_H

#include <stddef.h>

typedef struct VipsImage VipsImage;

enum { LIBVIPS_FAIL_ON_ERROR = 2 }; /* VIPS_FAIL_ON_ERROR: refuse truncated or invalid files */
enum { LIBVIPS_SIZE_DOWN = 2 };     /* VIPS_SIZE_DOWN: never enlarge */
enum { LIBVIPS_FORMAT_UCHAR = 0 };
enum { LIBVIPS_SPACE_SRGB = 22 }; /* VIPS_INTERPRETATION_sRGB */

int vips_init(const char *argv0);
int vips_version(int flag); /* 0 major, 1 minor */
void vips_block_untrusted_set(int state);
void vips_vector_set_enabled(int enabled);
void vips_concurrency_set(int concurrency);
void vips_cache_set_max(int max);
const char *vips_error_buffer(void);

int vips_jpegload_buffer(void *bytes, size_t length, VipsImage **out, ...) __attribute__((sentinel));
int vips_pngload_buffer(void *bytes, size_t length, VipsImage **out, ...) __attribute__((sentinel));
int vips_webpload_buffer(void *bytes, size_t length, VipsImage **out, ...) __attribute__((sentinel));
int vips_webpsave_buffer(VipsImage *in, void **bytes, size_t *length, ...) __attribute__((sentinel));
int vips_thumbnail_image(VipsImage *in, VipsImage **out, int width, ...) __attribute__((sentinel));
int vips_colourspace(VipsImage *in, VipsImage **out, int space, ...) __attribute__((sentinel));
int vips_copy(VipsImage *in, VipsImage **out, ...) __attribute__((sentinel));
void *vips_image_write_to_memory(VipsImage *in, size_t *length);
VipsImage *vips_image_new_from_memory(const void *bytes, size_t length, int width, int height, int bands, int format);
int vips_image_get_bands(const VipsImage *image);
int vips_image_get_format(const VipsImage *image);
int vips_image_get_width(const VipsImage *image);
int vips_image_get_height(const VipsImage *image);

#endif
