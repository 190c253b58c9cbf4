/*
 * rostrum-image-decoder reads one uploaded image from stdin, decodes it, and writes it in four sizes to stdout
 * (common/protocol/image_decoder.h). The gateway starts one process per image (gateway/image/decoder.c).
 *
 * These measures protect the deployment:
 *   - Memory, CPU time and descriptors are limited before the first byte is read.
 *   - Only the three loaders of the accepted formats are called, and libvips' untrusted ones are blocked.
 *   - The number of pixels is read from the header and checked before decoding.
 *   - There is one thread, and no code is generated at run time.
 *
 * Memory is not freed: the process ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/protocol/image_decoder.h"
#include "gateway/image_decoder/libvips.h"
#include "gateway/image_decoder/webp.h"

enum {
    WEBP_QUALITY = 82,
    WEBP_EFFORT = 2, /* of 0 to 6: a third of the time of 4, a few percent larger */
    EXIT_WRITE = 14, /* the gateway has closed its end */
    ARGUMENTS = 4,
    DECIMAL = 10,
    DESCRIPTORS_MAX = 16,
};

struct limits {
    long pixels;
    long memory_mib;
    long cpu_s;
};

struct input {
    unsigned char *bytes;
    size_t length;
};

struct output {
    void *bytes;
    size_t length;
};

static int report_error(int code, const char *what)
{
    (void)fprintf(stderr, IMAGE_PROGRAM ": %s\n", what);
    return code;
}

static bool parse_limit(const char *text, long *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtol(text, &end, DECIMAL);
    return errno == 0 && end != text && *end == '\0' && *out > 0;
}

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    const struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    return setrlimit(what, &both) == 0;
}

/* From here on a bug in a decoder, or a decompression bomb, cannot exceed these limits. */
static bool confine(const struct limits *limits)
{
#if !defined(__SANITIZE_ADDRESS__) /* AddressSanitizer reserves terabytes of address space */
    if (!limit(RLIMIT_AS, (rlim_t)limits->memory_mib << 20)) {
        return false;
    }
#endif
    return limit(RLIMIT_CPU, (rlim_t)limits->cpu_s) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

static bool read_all(struct input *input)
{
    size_t size = 0;
    for (;;) {
        if (input->length == size) {
            size = size == 0 ? (size_t)1 << 20 : size * 2;
            unsigned char *grown = size > IMAGE_UPLOAD_MAX_BYTES ? NULL : realloc(input->bytes, size);
            if (grown == NULL) {
                return false;
            }
            input->bytes = grown;
        }
        ssize_t got = read(STDIN_FILENO, input->bytes + input->length, size - input->length);
        if (got == 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
        input->length += got > 0 ? (size_t)got : 0;
    }
}

static bool write_all(const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, at, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        at += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Reads the header only. Pixels are decoded on demand. */
static VipsImage *load(const struct input *input)
{
    VipsImage *image = NULL;
    int failed = -1;
    switch (image_kind(input->bytes, input->length)) {
    case IMAGE_JPEG:
        failed = vips_jpegload_buffer(input->bytes, input->length, &image, "fail_on", LIBVIPS_FAIL_ON_ERROR, NULL);
        break;
    case IMAGE_PNG:
        failed = vips_pngload_buffer(input->bytes, input->length, &image, "fail_on", LIBVIPS_FAIL_ON_ERROR, NULL);
        break;
    case IMAGE_WEBP:
        failed = vips_webpload_buffer(input->bytes, input->length, &image, "fail_on", LIBVIPS_FAIL_ON_ERROR, NULL);
        break;
    case IMAGE_NONE:
        break;
    }
    return failed == 0 ? image : NULL;
}

/*
 * Returns an upright sRGB image within a square of `edge`. Only the pixels of the original are kept, copied as plain
 * memory. This drops all metadata: place, camera, thumbnails of cropped parts, profiles.
 */
static VipsImage *shrink(VipsImage *image, int edge)
{
    VipsImage *small = NULL;
    VipsImage *plain = NULL;
    size_t length = 0;
    if (vips_thumbnail_image(image, &small, edge, "height", edge, "size", LIBVIPS_SIZE_DOWN, "export_profile", "srgb",
                             NULL) != 0 ||
        vips_colourspace(small, &plain, LIBVIPS_SPACE_SRGB, NULL) != 0 ||
        vips_image_get_format(plain) != LIBVIPS_FORMAT_UCHAR) {
        return NULL;
    }
    const void *pixels = vips_image_write_to_memory(plain, &length);
    if (pixels == NULL) {
        return NULL;
    }
    VipsImage *bare =
        vips_image_new_from_memory(pixels, length, vips_image_get_width(plain), vips_image_get_height(plain),
                                   vips_image_get_bands(plain), LIBVIPS_FORMAT_UCHAR);
    /* Plain memory has no colour space: set it again. */
    return bare != NULL && vips_copy(bare, &plain, "interpretation", LIBVIPS_SPACE_SRGB, NULL) == 0 ? plain : NULL;
}

static bool write_webp(VipsImage *image, struct output *output)
{
    if (vips_webpsave_buffer(image, &output->bytes, &output->length, "Q", WEBP_QUALITY, "effort", WEBP_EFFORT, NULL) !=
        0) {
        return false;
    }
    output->length = webp_bare(output->bytes, output->length);
    return output->length > 0 && output->length <= IMAGE_FILE_MAX_BYTES;
}

/* Makes each size from the one before. Fills `head` and `outputs`. */
static bool make(VipsImage *image, struct image_head *head, struct output outputs[static IMAGE_SIZES])
{
    static const int edges[IMAGE_SIZES] = {IMAGE_FULL_EDGE, 1600, 640, 160};
    for (size_t i = 0; i < IMAGE_SIZES; i++) {
        if (i > 0 && vips_image_get_width(image) <= edges[i] && vips_image_get_height(image) <= edges[i]) {
            outputs[i] = outputs[i - 1]; /* already small: reuse the same file */
        } else {
            image = shrink(image, edges[i]);
            if (image == NULL || !write_webp(image, &outputs[i])) {
                return false;
            }
        }
        head->lengths[i] = (uint32_t)outputs[i].length;
    }
    return true;
}

static bool library_start(const char *name)
{
    if (vips_init(name) != 0 || vips_version(0) != 8 || vips_version(1) < 13) {
        return false;
    }
    vips_block_untrusted_set(1);
    vips_vector_set_enabled(0); /* generates code at run time, which a hardened service forbids */
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    return true;
}

static int work(const char *name, const struct limits *limits)
{
    struct input input = {.bytes = NULL};
    struct output outputs[IMAGE_SIZES] = {{.bytes = NULL}};
    struct image_head head = {.magic = IMAGE_MAGIC};
    if (!library_start(name)) {
        return report_error(IMAGE_NO_LIBRARY, "libvips 8.13 or later is not available");
    }
    if (!read_all(&input) || image_kind(input.bytes, input.length) == IMAGE_NONE) {
        return report_error(IMAGE_UNKNOWN, "neither JPEG nor PNG nor WebP");
    }
    VipsImage *image = load(&input);
    if (image == NULL) {
        return report_error(IMAGE_BROKEN, vips_error_buffer());
    }
    if ((long)vips_image_get_width(image) > limits->pixels / vips_image_get_height(image)) {
        return report_error(IMAGE_TOO_LARGE, "too many pixels");
    }
    if (!make(image, &head, outputs)) {
        return report_error(IMAGE_BROKEN, vips_error_buffer());
    }
    bool written = write_all(&head, sizeof(head));
    for (size_t i = 0; i < IMAGE_SIZES; i++) {
        written = written && write_all(outputs[i].bytes, outputs[i].length);
    }
    return written ? IMAGE_MADE
                   : report_error(EXIT_WRITE, "the result cannot be written: the gateway has closed the socket");
}

static int usage(FILE *to, int code)
{
    (void)fprintf(to,
                  "Usage: " IMAGE_PROGRAM " PIXELS MEMORY_MIB CPU_S < image > result\n"
                  "Decodes a JPEG, PNG or WebP of at most PIXELS within these limits and writes it in four sizes, in\n"
                  "the format of common/protocol/image_decoder.h. The gateway starts it.\n"
                  "  --help     print this help\n"
                  "  --version  print the version\n");
    return code;
}

int main(int argc, char **argv)
{
    struct limits limits;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return usage(stdout, EXIT_SUCCESS);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf(IMAGE_PROGRAM " " ROSTRUM_VERSION "\n");
        return EXIT_SUCCESS;
    }
    if (argc != ARGUMENTS || !parse_limit(argv[1], &limits.pixels) || !parse_limit(argv[2], &limits.memory_mib) ||
        !parse_limit(argv[3], &limits.cpu_s)) {
        return usage(stderr, IMAGE_USAGE);
    }
    if (!confine(&limits)) {
        return report_error(IMAGE_NO_LIBRARY, strerror(errno));
    }
    int code = work(argv[0], &limits);
    /* Skips the exit handlers: the end of the process frees the memory of libvips faster. */
    (void)fflush(stderr);
    _exit(code);
}
