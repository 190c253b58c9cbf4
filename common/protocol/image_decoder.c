/*
 * See image_decoder.h. Pure.
 */
#include "common/protocol/image_decoder.h"

#include <string.h>

enum image_kind image_kind(const void *bytes, size_t length)
{
    static const unsigned char jpeg[] = {0xff, 0xd8, 0xff};
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const unsigned char *at = bytes;
    if (length < IMAGE_SNIFF_BYTES) {
        return IMAGE_NONE;
    }
    if (memcmp(at, jpeg, sizeof(jpeg)) == 0) {
        return IMAGE_JPEG;
    }
    if (memcmp(at, png, sizeof(png)) == 0) {
        return IMAGE_PNG;
    }
    if (memcmp(at, "RIFF", 4) == 0 && memcmp(at + 8, "WEBP", 4) == 0) {
        return IMAGE_WEBP;
    }
    return IMAGE_NONE;
}

const char *image_kind_type(enum image_kind kind)
{
    switch (kind) {
    case IMAGE_JPEG:
        return "image/jpeg";
    case IMAGE_PNG:
        return "image/png";
    case IMAGE_WEBP:
        return "image/webp";
    case IMAGE_NONE:
        break;
    }
    return "application/octet-stream";
}

bool image_sandbox_parse(const char *text, enum image_sandbox *out)
{
    static const char *const names[] = {
        [IMAGE_SANDBOX_OFF] = "off",
        [IMAGE_SANDBOX_SECCOMP] = "seccomp",
        [IMAGE_SANDBOX_FULL] = "full",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum image_sandbox)i;
            return true;
        }
    }
    return false;
}

const char *image_sandbox_problem(int code)
{
    switch (code) {
    case IMAGE_NO_NAMESPACES:
        return "image_sandbox = full: namespaces are forbidden";
    case IMAGE_NO_ROOT:
        return "image_sandbox = full: an empty root folder is forbidden";
    case IMAGE_NO_FILTER:
        return "image_sandbox: a filter of system calls is forbidden";
    default:
        return NULL;
    }
}
