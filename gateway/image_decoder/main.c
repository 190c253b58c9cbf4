/*
 * rostrum-image-decoder reads one uploaded image from stdin, decodes it, and writes it in four sizes to stdout
 * (common/protocol/image_decoder.h). One process serves one image. The gateway starts it, or systemd does.
 *
 * These measures protect the deployment:
 *   - The image is read and decoded in the sandbox of sandbox.h. The process outside it only waits, and writes the end
 *     of the answer.
 *   - Only the three loaders of the accepted formats are called, and libvips' untrusted ones are blocked.
 *   - The number of pixels is read from the header and checked before decoding.
 *   - There is no code generated at run time.
 *
 * Memory is not freed: the process ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/protocol/image_decoder.h"
#include "gateway/image_decoder/libvips.h"
#include "gateway/image_decoder/sandbox.h"
#include "gateway/image_decoder/webp.h"

enum {
    WEBP_QUALITY = 82,
    WEBP_EFFORT = 2, /* of 0 to 6: a third of the time of 4, a few percent larger */
    GRACE_S = 5,     /* of real time beyond the limit of CPU time */
    CHECK_MEMORY_MIB = 1024,
    CHECK_S = 20,
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

static int prepare(void *arg)
{
    (void)arg;
    return library_start(IMAGE_PROGRAM) ? 0 : report_error(IMAGE_NO_LIBRARY, "libvips 8.13 or later is not available");
}

/* Runs in the sandbox. */
static int decode(void *arg)
{
    const struct image_request *request = arg;
    struct input input = {.bytes = NULL};
    struct output outputs[IMAGE_SIZES] = {{.bytes = NULL}};
    struct image_head head = {.magic = IMAGE_MAGIC};
    if (!read_all(&input) || image_kind(input.bytes, input.length) == IMAGE_NONE) {
        return report_error(IMAGE_UNKNOWN, "neither JPEG nor PNG nor WebP");
    }
    VipsImage *image = load(&input);
    if (image == NULL) {
        return report_error(IMAGE_BROKEN, vips_error_buffer());
    }
    if ((long)vips_image_get_width(image) > (long)request->pixels_max / vips_image_get_height(image)) {
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
                   : report_error(IMAGE_UNWRITTEN, "the result cannot be written: the gateway has closed the socket");
}

static int serve(struct image_request *request, int (*work)(void *arg))
{
    const struct sandbox_job job = {
        .sandbox = (enum image_sandbox)request->sandbox,
        .memory_mib = request->memory_mib,
        .cpu_s = request->time_s,
        .prepare = prepare,
        .work = work,
        .arg = request,
    };
    (void)alarm(request->time_s + GRACE_S); /* ends this process, and the sandbox with it */
    return sandbox_run(&job);
}

static bool read_request(struct image_request *request)
{
    ssize_t got = 0;
    for (size_t length = 0; length<sizeof(*request); length += got> 0 ? (size_t)got : 0) {
        got = read(STDIN_FILENO, (char *)request + length, sizeof(*request) - length);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
    }
    return request->magic == IMAGE_MAGIC && request->sandbox <= IMAGE_SANDBOX_FULL;
}

static int answer(void)
{
    struct image_request request = {.magic = 0};
    struct image_end end = {.magic = IMAGE_MAGIC, .code = IMAGE_USAGE};
    if (read_request(&request)) {
        end.code = (uint32_t)serve(&request, decode);
    }
    return write_all(&end, sizeof(end)) ? (int)end.code : IMAGE_UNWRITTEN;
}

static int work_nothing(void *arg)
{
    (void)arg;
    return IMAGE_MADE;
}

static int check(const char *name)
{
    struct image_request request = {.memory_mib = CHECK_MEMORY_MIB, .time_s = CHECK_S};
    enum image_sandbox sandbox = IMAGE_SANDBOX_FULL;
    if (!image_sandbox_parse(name, &sandbox)) {
        return report_error(IMAGE_USAGE, "the sandbox is full, seccomp or off");
    }
    request.sandbox = sandbox;
    int code = serve(&request, work_nothing);
    const char *problem = image_sandbox_problem(code);
    return problem == NULL ? code : report_error(code, problem);
}

static int usage(FILE *to, int code)
{
    (void)fprintf(to, "Usage: " IMAGE_PROGRAM " < request > result\n"
                      "Decodes a JPEG, PNG or WebP and writes it in four sizes. Request and result have the format of\n"
                      "common/protocol/image_decoder.h. The gateway starts it, or systemd for each connection.\n"
                      "  --check SANDBOX  try the sandbox full, seccomp or off; exit code 0: it is possible\n"
                      "  --help           print this help\n"
                      "  --version        print the version\n");
    return code;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return usage(stdout, EXIT_SUCCESS);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf(IMAGE_PROGRAM " " ROSTRUM_VERSION "\n");
        return EXIT_SUCCESS;
    }
    bool checked = argc == 3 && strcmp(argv[1], "--check") == 0;
    if (argc != 1 && !checked) {
        return usage(stderr, IMAGE_USAGE);
    }
    int code = checked ? check(argv[2]) : answer();
    _exit(code); /* the process namespace has ended: an exit handler could start no thread */
}
