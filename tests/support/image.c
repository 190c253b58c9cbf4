/*
 * Images for tests; see image.h. The PNG's deflate stream consists of stored blocks, which need no compressor.
 */
#include "tests/support/image.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum {
    PNG_DEPTH = 8,
    PNG_RGB = 2,
    PNG_PIXEL = 3,
    STORED_MAX = 65535, /* of one stored block */
    ADLER_MODULUS = 65521,
    OVERHEAD = 4096,
};

/* A growing buffer; each function appends to it. */
struct writer {
    unsigned char *bytes;
    size_t length;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void put_byte(struct writer *writer, unsigned value)
{
    const unsigned char byte = (unsigned char)value;
    put(writer, &byte, 1);
}

static void put_u32(struct writer *writer, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        put_byte(writer, (value >> (unsigned)shift) & 0xffU);
    }
}

static uint32_t crc32_of(const unsigned char *bytes, size_t length)
{
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0);
        }
    }
    return ~crc;
}

static uint32_t adler32_of(const unsigned char *bytes, size_t length)
{
    uint32_t low = 1;
    uint32_t high = 0;
    for (size_t i = 0; i < length; i++) {
        low = (low + bytes[i]) % ADLER_MODULUS;
        high = (high + low) % ADLER_MODULUS;
    }
    return high << 16 | low;
}

static void put_chunk(struct writer *writer, const char *type, const void *bytes, size_t length)
{
    put_u32(writer, (uint32_t)length);
    size_t begin = writer->length;
    put(writer, type, 4);
    put(writer, bytes, length);
    put_u32(writer, crc32_of(writer->bytes + begin, writer->length - begin));
}

static void put_head(struct writer *writer, unsigned width, unsigned height)
{
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    unsigned char facts[13] = {0};
    struct writer head = {.bytes = facts};
    put(writer, signature, sizeof(signature));
    put_u32(&head, width);
    put_u32(&head, height);
    put_byte(&head, PNG_DEPTH);
    put_byte(&head, PNG_RGB);
    put_chunk(writer, "IHDR", facts, sizeof(facts));
}

/* The zlib header and checksum around stored blocks. */
static struct writer store(const unsigned char *rows, size_t length)
{
    struct writer stored = {.bytes = malloc(length + length / STORED_MAX * 5 + OVERHEAD)};
    ck_assert_ptr_nonnull(stored.bytes);
    put(&stored, "\x78\x01", 2);
    for (size_t at = 0; at < length || at == 0; at += STORED_MAX) {
        size_t size = length - at < STORED_MAX ? length - at : STORED_MAX;
        put_byte(&stored, at + size == length);
        put_byte(&stored, size & 0xffU);
        put_byte(&stored, size >> 8);
        put_byte(&stored, ~size & 0xffU);
        put_byte(&stored, (~size >> 8) & 0xffU);
        put(&stored, rows + at, size);
    }
    put_u32(&stored, adler32_of(rows, length));
    return stored;
}

static struct image png(unsigned width, unsigned height, const unsigned char *rows, size_t length)
{
    struct writer stored = store(rows, length);
    struct writer file = {.bytes = malloc(stored.length + OVERHEAD)};
    ck_assert_ptr_nonnull(file.bytes);
    put_head(&file, width, height);
    put_chunk(&file, "IDAT", stored.bytes, stored.length);
    put_chunk(&file, "IEND", "", 0);
    free(stored.bytes);
    return (struct image){file.bytes, file.length};
}

struct image image_png(unsigned width, unsigned height, uint32_t seed)
{
    size_t line = (size_t)width * PNG_PIXEL + 1;
    size_t length = line * height;
    unsigned char *rows = malloc(length);
    uint32_t noise = seed * 2654435761U + 1;
    ck_assert_ptr_nonnull(rows);
    for (size_t i = 0; i < length; i++) {
        noise = noise * 1664525U + 1013904223U;
        rows[i] = i % line == 0 ? 0 : (unsigned char)(noise >> 24); /* each line begins with its filter: none */
    }
    struct image image = png(width, height, rows, length);
    free(rows);
    return image;
}

struct image image_png_claim(unsigned width, unsigned height)
{
    return png(width, height, (const unsigned char *)"", 0);
}

/* 24 x 16 pixels of one grey. */
static const unsigned char jpeg[] = {
    0xff, 0xd8, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x08, 0x06, 0x06, 0x07, 0x06, 0x05, 0x08, 0x07, 0x07, 0x07, 0x09,
    0x09, 0x08, 0x0a, 0x0c, 0x14, 0x0d, 0x0c, 0x0b, 0x0b, 0x0c, 0x19, 0x12, 0x13, 0x0f, 0x14, 0x1d, 0x1a, 0x1f,
    0x1e, 0x1d, 0x1a, 0x1c, 0x1c, 0x20, 0x24, 0x2e, 0x27, 0x20, 0x22, 0x2c, 0x23, 0x1c, 0x1c, 0x28, 0x37, 0x29,
    0x2c, 0x30, 0x31, 0x34, 0x34, 0x34, 0x1f, 0x27, 0x39, 0x3d, 0x38, 0x32, 0x3c, 0x2e, 0x33, 0x34, 0x32, 0xff,
    0xc0, 0x00, 0x0b, 0x08, 0x00, 0x10, 0x00, 0x18, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00, 0x15, 0x00, 0x01,
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0xff,
    0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0xb0, 0x00, 0x7f, 0xff, 0xd9,
};

struct image image_jpeg(void)
{
    /* EXIF with two entries in its first directory: the orientation (6: turn clockwise), and a description. */
    static const unsigned char exif[] = {'E', 'x', 'i', 'f', 0,    0,    'M', 'M', 0, 42, 0, 0,
                                         0,   8,   0,   2,   0x01, 0x0e, 0,   2,   0, 0,  0, sizeof(IMAGE_SECRET),
                                         0,   0,   0,   38,  0x01, 0x12, 0,   3,   0, 0,  0, 1,
                                         0,   6,   0,   0,   0,    0,    0,   0};
    const size_t size = 2 + sizeof(exif) + sizeof(IMAGE_SECRET);
    struct writer file = {.bytes = malloc(sizeof(jpeg) + OVERHEAD)};
    ck_assert_ptr_nonnull(file.bytes);
    put(&file, jpeg, 2);
    put(&file, "\xff\xe1", 2);
    put_byte(&file, size >> 8);
    put_byte(&file, size & 0xffU);
    put(&file, exif, sizeof(exif));
    put(&file, IMAGE_SECRET, sizeof(IMAGE_SECRET));
    put(&file, jpeg + 2, sizeof(jpeg) - 2);
    return (struct image){file.bytes, file.length};
}

bool image_webp_size(const void *bytes, size_t length, unsigned *width, unsigned *height)
{
    const unsigned char *at = bytes;
    if (length < 30 || memcmp(at, "RIFF", 4) != 0 || memcmp(at + 8, "WEBP", 4) != 0) {
        return false;
    }
    if (memcmp(at + 12, "VP8X", 4) == 0) {
        *width = 1U + at[24] + ((unsigned)at[25] << 8);
        *height = 1U + at[27] + ((unsigned)at[28] << 8);
        return true;
    }
    *width = at[26] | (at[27] & 0x3fU) << 8;
    *height = at[28] | (at[29] & 0x3fU) << 8;
    return memcmp(at + 12, "VP8 ", 4) == 0;
}
