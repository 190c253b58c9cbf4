/*
 * Images of products: uploads and removals by admins, order, keys, and files that an auction and a product share.
 *
 * Runs alone: it waits for the sweep of unused files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/image.h"
#include "tests/support/sales.h"

enum { IMAGES_MAX = 12, SWEEP_MS = 20000, MEMBER_SIZE = 64, PATH_SIZE = 128 };

static struct factory_user admin;
static char product[UUID_TEXT_SIZE];
static char images[PATH_SIZE]; /* the path of the product's images */

static void setup(void)
{
    fixture_setup();
    sales_admin(&admin);
    sales_product(&admin, "A lamp", "", product);
    (void)snprintf(images, sizeof(images), SALES_PRODUCTS "/%s/images", product);
}

/* An image that no other test has uploaded, unless `seed` repeats. */
static const struct reply *upload_seeded(const struct factory_user *who, const char *path, uint32_t seed)
{
    struct image image = image_png(9, 9, (uint32_t)getpid() * 1000U + seed);
    client_token(fixture.client, who != NULL ? who->token : NULL);
    client_header(fixture.client, "Content-Type: image/png");
    const struct reply *reply = client_send(fixture.client, "POST", path, image.bytes, image.length);
    free(image.bytes);
    return reply;
}

static const struct reply *upload(const struct factory_user *who, const char *path)
{
    static uint32_t count;
    return upload_seeded(who, path, ++count);
}

static void copy_member(const struct reply *reply, const char *path, char out[static MEMBER_SIZE])
{
    (void)snprintf(out, MEMBER_SIZE, "%s", reply_text(reply, path));
}

static const struct reply *get(void)
{
    return fixture_call(NULL, "GET", client_format(SALES_PRODUCTS "/%s", product), NULL);
}

static int remove_image(const struct factory_user *who, const char *path, const char *image)
{
    return fixture_call(who, "DELETE", client_format("%s/%s", path, image), NULL)->status;
}

START_TEST(a_product_shows_its_images_in_order_without_those_removed)
{
    char ids[2][MEMBER_SIZE];
    char tag[MEMBER_SIZE];
    char url[MEMBER_SIZE];
    EXPECT_STATUS(get(), 200);
    copy_member(get(), "version", url);
    (void)snprintf(tag, sizeof(tag), "%s", client_reply_header(fixture.client, "ETag"));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct reply *reply = upload(&admin, images);
        EXPECT_STATUS(reply, 201);
        EXPECT_TEXT(reply, "order", i == 0 ? "1" : "2");
        copy_member(reply, "id", ids[i]);
    }
    client_header(fixture.client, client_format("If-None-Match: %s", tag));
    const struct reply *reply = get();
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "images"), 2);
    EXPECT_TEXT(reply, "images.0.id", ids[0]);
    EXPECT_TEXT(reply, "version", "1");
    copy_member(reply, "images.0.thumbnails.160", url);
    EXPECT_STATUS(fixture_call(NULL, "GET", url, NULL), 200);
    ck_assert_int_eq(remove_image(&admin, images, ids[0]), 204);
    ck_assert_int_eq(remove_image(&admin, images, ids[0]), 404);
    EXPECT_TEXT(get(), "images.0.id", ids[1]);
    EXPECT_TEXT(get(), "images.0.order", "1");
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM audit_log WHERE actor_id = $1::uuid AND subject = $2",
                             admin.id, images, NULL),
                     2);
}
END_TEST

START_TEST(only_admins_change_images_and_only_of_a_product)
{
    EXPECT_ERROR(upload(NULL, images), 401, "UNAUTHORIZED");
    EXPECT_ERROR(upload(&fixture.seller, images), 403, "FORBIDDEN");
    EXPECT_ERROR(upload(&admin, client_format(SALES_PRODUCTS "/%s/images", fixture.auction)), 404, "NOT_FOUND");
    EXPECT_ERROR(upload(&admin, fixture_path("/images")), 403, "FORBIDDEN"); /* of another user's auction */
    const struct reply *reply = upload(&admin, images);
    EXPECT_STATUS(reply, 201);
    char id[MEMBER_SIZE];
    copy_member(reply, "id", id);
    ck_assert_int_eq(remove_image(&fixture.seller, images, id), 403);
    ck_assert_int_eq(remove_image(&fixture.seller, fixture_path("/images"), id), 404);
    ck_assert_int_eq(reply_count(get(), "images"), 1);
    client_token(fixture.client, admin.token);
    client_header(fixture.client, "Content-Type: image/png");
    EXPECT_ERROR(client_send(fixture.client, "POST", images, "none", 4), 415, "UNSUPPORTED_MEDIA_TYPE");
}
END_TEST

START_TEST(a_product_has_a_maximum_of_images)
{
    for (int i = 0; i < IMAGES_MAX; i++) {
        EXPECT_STATUS(upload(&admin, images), 201);
    }
    const struct reply *reply = upload(&admin, images);
    EXPECT_ERROR(reply, 409, "TOO_MANY_IMAGES");
    EXPECT_TEXT(reply, "max", "12");
    EXPECT_TEXT(reply, "message", "There are at most 12 images");
}
END_TEST

START_TEST(a_repeated_upload_answers_the_first_image)
{
    char id[MEMBER_SIZE];
    client_header(fixture.client, "Idempotency-Key: image");
    const struct reply *reply = upload_seeded(&admin, images, 500);
    EXPECT_STATUS(reply, 201);
    copy_member(reply, "id", id);
    client_header(fixture.client, "Idempotency-Key: image");
    EXPECT_TEXT(upload_seeded(&admin, images, 500), "id", id);
    client_header(fixture.client, "Idempotency-Key: image");
    EXPECT_ERROR(upload_seeded(&admin, images, 501), 422, "IDEMPOTENCY_KEY_REUSED");
    ck_assert_int_eq(reply_count(get(), "images"), 1);
}
END_TEST

/* The sweep deletes a file one hour after its last image was removed. The due time is moved into the past. */
static void make_overdue(const char *url)
{
    PQclear(sql_rows(fixture.sql, "UPDATE image_leftovers SET due = now() - interval '1 second' WHERE file = $1::uuid",
                     url + strlen("/images/"), NULL));
}

START_TEST(the_sweep_keeps_a_file_that_only_a_product_uses)
{
    char ids[2][MEMBER_SIZE];
    char url[MEMBER_SIZE];
    copy_member(upload_seeded(&fixture.seller, fixture_path("/images"), 600), "id", ids[0]);
    const struct reply *reply = upload_seeded(&admin, images, 600);
    EXPECT_STATUS(reply, 201);
    copy_member(reply, "id", ids[1]);
    copy_member(reply, "url", url);
    ck_assert_int_eq(remove_image(&fixture.seller, fixture_path("/images"), ids[0]), 204);
    make_overdue(url);
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM image_leftovers WHERE file = $1::uuid",
                       url + strlen("/images/"), NULL) == 0,
               SWEEP_MS);
    EXPECT_STATUS(fixture_call(NULL, "GET", url, NULL), 200);
    ck_assert_int_eq(remove_image(&admin, images, ids[1]), 204);
    make_overdue(url);
    SUITE_WAIT(fixture_call(NULL, "GET", url, NULL)->status == 404, SWEEP_MS);
}
END_TEST

static Suite *product_images_suite(void)
{
    const TTest *const tests[] = {
        a_product_shows_its_images_in_order_without_those_removed,
        only_admins_change_images_and_only_of_a_product,
        a_product_has_a_maximum_of_images,
        a_repeated_upload_answers_the_first_image,
        the_sweep_keeps_a_file_that_only_a_product_uses,
    };
    Suite *suite = suite_create("product images");
    TCase *everything = tcase_create("product images");
    tcase_add_checked_fixture(everything, setup, fixture_teardown);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(everything, tests[i]);
    }
    suite_add_tcase(suite, everything);
    return suite;
}

int main(void)
{
    return suite_run(product_images_suite());
}
