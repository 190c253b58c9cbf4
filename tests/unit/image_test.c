/*
 * The type of an image by its first bytes, WebP files without metadata, and the folder of the image store.
 */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/protocol/image_decoder.h"
#include "gateway/image/imagestore.h"
#include "gateway/image_decoder/webp.h"
#include "tests/support/suite.h"

#define OF(text) (text), sizeof(text) - 1

START_TEST(a_type_is_detected_by_its_first_bytes)
{
    ck_assert_int_eq(image_kind(OF("\xff\xd8\xff\xe0\0\x10JFIF\0\1")), IMAGE_JPEG);
    ck_assert_int_eq(image_kind(OF("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")), IMAGE_PNG);
    ck_assert_int_eq(image_kind(OF("RIFF\1\0\0\0WEBPVP8 ")), IMAGE_WEBP);
    ck_assert_int_eq(image_kind(OF("RIFF\1\0\0\0WAVEfmt ")), IMAGE_NONE);
    ck_assert_int_eq(image_kind(OF("GIF89a\1\0\1\0\0\0\0")), IMAGE_NONE);
    ck_assert_int_eq(image_kind(OF("<svg xmlns=\"http://www.w3.org/2000/svg\">")), IMAGE_NONE);
    ck_assert_int_eq(image_kind(OF("\xff\xd8\xff")), IMAGE_NONE);
    ck_assert_int_eq(image_kind("", 0), IMAGE_NONE);
}
END_TEST

START_TEST(only_the_image_of_a_webp_file_is_kept)
{
    static const char full[] = "RIFF\x44\0\0\0WEBP"
                               "VP8X\x0a\0\0\0\x3c\0\0\0\1\0\0\2\0\0"
                               "ICCP\3\0\0\0abc\0"
                               "VP8 \4\0\0\0wxyz"
                               "EXIF\2\0\0\0me"
                               "XMP \2\0\0\0me";
    static const char bare[] = "RIFF\x22\0\0\0WEBP"
                               "VP8X\x0a\0\0\0\x10\0\0\0\1\0\0\2\0\0"
                               "VP8 \4\0\0\0wxyz";
    unsigned char bytes[sizeof(full)];
    memcpy(bytes, full, sizeof(full));
    ck_assert_uint_eq(webp_bare(bytes, sizeof(full) - 1), sizeof(bare) - 1);
    ck_assert_mem_eq(bytes, bare, sizeof(bare) - 1);
    ck_assert_uint_eq(webp_bare(bytes, sizeof(bare) - 1), sizeof(bare) - 1);
}
END_TEST

/* A file that does not end after a chunk is invalid. */
START_TEST(a_truncated_webp_is_refused)
{
    static const char full[] = "RIFF\x0e\0\0\0WEBPVP8 \2\0\0\0wx";
    for (size_t length = 0; length < sizeof(full) - 1; length++) {
        unsigned char bytes[sizeof(full)];
        memcpy(bytes, full, sizeof(full));
        ck_assert_uint_eq(webp_bare(bytes, length), length == 12 ? 12 : 0);
    }
}
END_TEST

START_TEST(a_stored_image_is_read_back_and_removed)
{
    struct config config;
    char folder[] = "/tmp/rostrum-images-XXXXXX";
    const struct imagestore_range whole = {0, 100};
    struct imagestore_part read;
    config_defaults(&config);
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(config.image_folder, sizeof(config.image_folder), "%s/images", folder);
    struct imagestore *store = imagestore_open(&config);
    ck_assert_ptr_nonnull(store);
    struct uuid name = imagestore_name("picture", 7);
    struct uuid other = imagestore_name("another", 7);
    ck_assert(!uuid_equal(&name, &other));
    ck_assert_int_eq(imagestore_get(store, &name, &whole, &read), IMAGESTORE_ABSENT);
    for (int i = 0; i < 2; i++) { /* writing it again has no effect */
        ck_assert_int_eq(imagestore_put(store, &name, "picture", 7), IMAGESTORE_OK);
        ck_assert_int_eq(imagestore_get(store, &name, &whole, &read), IMAGESTORE_OK);
        ck_assert_uint_eq(read.length, 7);
        ck_assert_mem_eq(read.bytes, "picture", 7);
        ck_assert_uint_eq(read.total, 7);
        free(read.bytes);
    }
    const struct imagestore_range middle = {2, 3};
    const struct imagestore_range beyond = {7, 3};
    ck_assert_int_eq(imagestore_get(store, &name, &middle, &read), IMAGESTORE_OK);
    ck_assert_uint_eq(read.length, 3);
    ck_assert_uint_eq(read.total, 7);
    ck_assert_mem_eq(read.bytes, "ctu", 3);
    free(read.bytes);
    ck_assert_int_eq(imagestore_get(store, &name, &beyond, &read), IMAGESTORE_DOWN);
    ck_assert_int_eq(imagestore_get(store, &other, &whole, &read), IMAGESTORE_ABSENT);
    ck_assert_int_eq(imagestore_remove(store, &name), IMAGESTORE_OK);
    ck_assert_int_eq(imagestore_remove(store, &name), IMAGESTORE_ABSENT);
    imagestore_close(store);
    char line[128];
    (void)snprintf(line, sizeof(line), "%s/images/xx", folder);
    char text[UUID_TEXT_SIZE];
    uuid_format(&name, text);
    memcpy(line + strlen(line) - 2, text, 2);
    ck_assert_int_eq(rmdir(line), 0); /* no partly written file is left */
    ck_assert_int_eq(rmdir(config.image_folder), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(an_unusable_folder_is_reported_as_down)
{
    struct config config;
    const struct imagestore_range whole = {0, 100};
    struct imagestore_part read;
    config_defaults(&config);
    (void)snprintf(config.image_folder, sizeof(config.image_folder), "/dev/null/images");
    struct imagestore *store = imagestore_open(&config);
    ck_assert_ptr_nonnull(store);
    struct uuid name = imagestore_name("picture", 7);
    ck_assert_int_eq(imagestore_put(store, &name, "picture", 7), IMAGESTORE_DOWN);
    ck_assert_int_eq(imagestore_get(store, &name, &whole, &read), IMAGESTORE_DOWN);
    imagestore_close(store);
}
END_TEST

static Suite *image_suite(void)
{
    Suite *suite = suite_create("image");
    TCase *cases = tcase_create("image");
    tcase_add_test(cases, a_type_is_detected_by_its_first_bytes);
    tcase_add_test(cases, only_the_image_of_a_webp_file_is_kept);
    tcase_add_test(cases, a_truncated_webp_is_refused);
    tcase_add_test(cases, a_stored_image_is_read_back_and_removed);
    tcase_add_test(cases, an_unusable_folder_is_reported_as_down);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(image_suite());
}
