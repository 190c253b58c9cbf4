/*
 * What a picture is, by its first bytes; see picture.h. Pure.
 */
#include "common/protocol/image_decoder.h"

#include <string.h>

enum picture_kind picture_kind(const void *bytes, size_t length)
{
    static const unsigned char jpeg[] = {0xff, 0xd8, 0xff};
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const unsigned char *at = bytes;
    if (length < PICTURE_SNIFF_BYTES) {
        return PICTURE_NONE;
    }
    if (memcmp(at, jpeg, sizeof(jpeg)) == 0) {
        return PICTURE_JPEG;
    }
    if (memcmp(at, png, sizeof(png)) == 0) {
        return PICTURE_PNG;
    }
    if (memcmp(at, "RIFF", 4) == 0 && memcmp(at + 8, "WEBP", 4) == 0) {
        return PICTURE_WEBP;
    }
    return PICTURE_NONE;
}

const char *picture_kind_type(enum picture_kind kind)
{
    switch (kind) {
    case PICTURE_JPEG:
        return "image/jpeg";
    case PICTURE_PNG:
        return "image/png";
    case PICTURE_WEBP:
        return "image/webp";
    case PICTURE_NONE:
        break;
    }
    return "application/octet-stream";
}
