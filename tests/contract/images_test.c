/*
 * Images of auctions: accepted and refused uploads, removal of metadata, sizes, caching, order and deletion.
 *
 * Runs alone: it waits for the sweep of unused files, and uses every image decoder.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/image.h"

enum { IMAGES_MAX = 12, UPLOAD_MAX = 5 << 20 };

static const struct reply *upload_to(const struct factory_user *who, const char *auction, const char *type,
                                     const void *bytes, size_t length)
{
    client_token(fixture.client, who != NULL ? who->token : NULL);
    client_header(fixture.client, client_format("Content-Type: %s", type));
    return client_send(fixture.client, "POST", client_format("/api/v1/auctions/%s/images", auction), bytes, length);
}

/* Uploads to the fixture's auction and frees the image. */
static const struct reply *upload(const struct factory_user *who, const char *type, struct image image)
{
    const struct reply *reply = upload_to(who, fixture.auction, type, image.bytes, image.length);
    free(image.bytes);
    return reply;
}

static uint32_t unique_seed(void)
{
    static uint32_t count;
    return (uint32_t)getpid() * 1000U + ++count;
}

static void copy_member(const struct reply *reply, const char *path, char out[static 64])
{
    (void)snprintf(out, 64, "%s", reply_text(reply, path));
}

static void expect_size(const char *url, unsigned width, unsigned height)
{
    unsigned actual_width = 0;
    unsigned actual_height = 0;
    const struct reply *reply = fixture_call(NULL, "GET", url, NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert(image_webp_size(reply->body, reply->length, &actual_width, &actual_height));
    ck_assert_uint_eq(actual_width, width);
    ck_assert_uint_eq(actual_height, height);
    ck_assert_str_eq(client_reply_header(fixture.client, "Content-Type"), "image/webp");
}

START_TEST(an_upload_is_served_in_four_sizes)
{
    static const struct {
        const char *path;
        unsigned width;
        unsigned height;
    } sizes[] = {{"images.0.url", 1700, 600},
                 {"images.0.thumbnails.1600", 1600, 565},
                 {"images.0.thumbnails.640", 640, 226},
                 {"images.0.thumbnails.160", 160, 57}};
    char url[64];
    const struct reply *reply = upload(&fixture.seller, "image/png", image_png(1700, 600, unique_seed()));
    EXPECT_STATUS(reply, 201);
    EXPECT_PRESENT(reply, "id");
    EXPECT_TEXT(reply, "order", "1");
    copy_member(reply, "url", url);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "images.0.url", url);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        copy_member(factory_get_auction(fixture.client, NULL, fixture.auction), sizes[i].path, url);
        expect_size(url, sizes[i].width, sizes[i].height);
    }
}
END_TEST

START_TEST(metadata_is_removed_and_the_orientation_applied)
{
    char url[64];
    struct image image = image_jpeg();
    ck_assert_ptr_nonnull(memmem(image.bytes, image.length, IMAGE_SECRET, strlen(IMAGE_SECRET)));
    const struct reply *reply = upload(&fixture.seller, "image/jpeg", image);
    EXPECT_STATUS(reply, 201);
    copy_member(reply, "url", url);
    expect_size(url, 16, 24);
    reply = fixture_call(NULL, "GET", url, NULL);
    ck_assert_ptr_null(memmem(reply->body, reply->length, IMAGE_SECRET, strlen(IMAGE_SECRET)));
    ck_assert_ptr_null(memmem(reply->body, reply->length, "EXIF", 4));
    ck_assert_ptr_null(memmem(reply->body, reply->length, "ICCP", 4));
}
END_TEST

START_TEST(webp_uploads_are_accepted)
{
    struct image image;
    const struct reply *reply = upload(&fixture.seller, "image/png", image_png(40, 30, unique_seed()));
    EXPECT_STATUS(reply, 201);
    reply = fixture_call(NULL, "GET", client_format("%s", reply_text(reply, "url")), NULL);
    EXPECT_STATUS(reply, 200);
    image = (struct image){malloc(reply->length), reply->length};
    ck_assert_ptr_nonnull(image.bytes);
    memcpy(image.bytes, reply->body, reply->length);
    reply = upload(&fixture.seller, "image/webp", image);
    EXPECT_STATUS(reply, 201);
    EXPECT_TEXT(reply, "order", "2");
}
END_TEST

START_TEST(images_are_cacheable_as_immutable)
{
    char url[64];
    char etag[64];
    const struct reply *reply = upload(&fixture.seller, "image/png", image_png(50, 50, unique_seed()));
    EXPECT_STATUS(reply, 201);
    copy_member(reply, "url", url);
    EXPECT_STATUS(fixture_call(NULL, "HEAD", url, NULL), 200);
    ck_assert_str_eq(client_reply_header(fixture.client, "Cache-Control"), "public, max-age=31536000, immutable");
    ck_assert_str_eq(client_reply_header(fixture.client, "X-Content-Type-Options"), "nosniff");
    (void)snprintf(etag, sizeof etag, "%s", client_reply_header(fixture.client, "ETag"));
    client_header(fixture.client, client_format("If-None-Match: \"other\", %s", etag));
    reply = fixture_call(NULL, "GET", url, NULL);
    EXPECT_STATUS(reply, 304);
    ck_assert_uint_eq(reply->length, 0);
    client_header(fixture.client, "If-None-Match: \"other\"");
    EXPECT_STATUS(fixture_call(NULL, "GET", url, NULL), 200);
    EXPECT_ERROR(fixture_call(NULL, "GET", "/images/01234567-89ab-7def-8123-456789abcdef", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(NULL, "GET", "/images/../../etc/passwd", NULL), 404, "NOT_FOUND");
}
END_TEST

START_TEST(the_auctions_etag_changes_with_its_images)
{
    char before[64];
    EXPECT_STATUS(factory_get_auction(fixture.client, NULL, fixture.auction), 200);
    (void)snprintf(before, sizeof before, "%s", client_reply_header(fixture.client, "ETag"));
    EXPECT_STATUS(upload(&fixture.seller, "image/png", image_png(20, 20, unique_seed())), 201);
    EXPECT_STATUS(factory_get_auction(fixture.client, NULL, fixture.auction), 200);
    ck_assert_str_ne(client_reply_header(fixture.client, "ETag"), before);
}
END_TEST

START_TEST(only_the_seller_can_upload)
{
    EXPECT_ERROR(upload(NULL, "image/png", image_png(20, 20, 1)), 401, "UNAUTHORIZED");
    EXPECT_ERROR(upload(&fixture.ann, "image/png", image_png(20, 20, 1)), 403, "FORBIDDEN");
    struct image image = image_png(20, 20, 1);
    const struct reply *reply =
        upload_to(&fixture.seller, "01234567-89ab-7def-8123-456789abcdef", "image/png", image.bytes, image.length);
    EXPECT_ERROR(reply, 404, "NOT_FOUND");
    free(image.bytes);
    ck_assert_int_eq(reply_count(factory_get_auction(fixture.client, NULL, fixture.auction), "images"), 0);
}
END_TEST

START_TEST(unsupported_and_mislabelled_images_are_415)
{
    static const char svg[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\" height=\"10\"></svg>";
    static const char gif[] = "GIF89a\x01\x00\x01\x00\x00\x00\x00;       ";
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", "image/svg+xml", "application/json"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        EXPECT_ERROR(upload_to(&fixture.seller, fixture.auction, types[i], svg, sizeof(svg) - 1), 415,
                     "UNSUPPORTED_MEDIA_TYPE");
        EXPECT_ERROR(upload_to(&fixture.seller, fixture.auction, types[i], gif, sizeof(gif) - 1), 415,
                     "UNSUPPORTED_MEDIA_TYPE");
        EXPECT_ERROR(upload_to(&fixture.seller, fixture.auction, types[i], "", 0), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    EXPECT_ERROR(upload(&fixture.seller, "image/jpeg", image_png(20, 20, 1)), 415, "UNSUPPORTED_MEDIA_TYPE");
    EXPECT_ERROR(upload(&fixture.seller, "text/plain", image_png(20, 20, 1)), 415, "UNSUPPORTED_MEDIA_TYPE");
}
END_TEST

START_TEST(decompression_bombs_and_corrupt_files_are_refused)
{
    EXPECT_ERROR(upload(&fixture.seller, "image/png", image_png_claim(60000, 60000)), 422, "IMAGE_TOO_LARGE");
    const struct reply *reply = upload(&fixture.seller, "image/png", image_png_claim(7000, 7000));
    EXPECT_ERROR(reply, 422, "IMAGE_TOO_LARGE");
    EXPECT_TEXT(reply, "message", "The image must have at most 40000000 pixels");
    EXPECT_ERROR(upload(&fixture.seller, "image/png", image_png_claim(500, 500)), 422, "INVALID_IMAGE");
    struct image half = image_png(200, 200, 1);
    half.length /= 2;
    EXPECT_ERROR(upload(&fixture.seller, "image/png", half), 422, "INVALID_IMAGE");
    struct image corrupt = image_jpeg();
    memset(corrupt.bytes + 100, 0x55, corrupt.length - 100);
    EXPECT_ERROR(upload(&fixture.seller, "image/jpeg", corrupt), 422, "INVALID_IMAGE");
    ck_assert_int_eq(reply_count(factory_get_auction(fixture.client, NULL, fixture.auction), "images"), 0);
    EXPECT_STATUS(fixture_call(NULL, "GET", "/ready", NULL), 200);
}
END_TEST

START_TEST(uploads_are_limited_to_5_mebibytes)
{
    struct image image = image_png(1320, 1320, unique_seed());
    ck_assert_uint_lt(image.length, UPLOAD_MAX);
    /* Decoders ignore bytes after the end of a PNG. */
    unsigned char *padded = calloc(1, UPLOAD_MAX + 1);
    ck_assert_ptr_nonnull(padded);
    memcpy(padded, image.bytes, image.length);
    free(image.bytes);
    EXPECT_STATUS(upload_to(&fixture.seller, fixture.auction, "image/png", padded, UPLOAD_MAX), 201);
    EXPECT_ERROR(upload_to(&fixture.seller, fixture.auction, "image/png", padded, UPLOAD_MAX + 1), 413,
                 "BODY_TOO_LARGE");
    free(padded);
}
END_TEST

/* The larger limit is for uploads only, also on a connection that carried an upload before. */
START_TEST(the_upload_limit_does_not_apply_to_other_bodies)
{
    enum { LARGE = 100000 };
    char *text = malloc(LARGE);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', LARGE);
    EXPECT_STATUS(upload(&fixture.seller, "image/png", image_png(200, 200, unique_seed())), 201);
    client_header(fixture.client, "Content-Type: application/json");
    const struct reply *reply = client_send(fixture.client, "POST", "/api/v1/auctions", text, LARGE);
    EXPECT_ERROR(reply, 413, "BODY_TOO_LARGE");
    EXPECT_TEXT(reply, "max", "65536");
    EXPECT_STATUS(upload(&fixture.seller, "image/png", image_png(200, 200, unique_seed())), 201);
    /* This header looks like an upload's request line. After a short request line the check for uploads may read it. */
    char *raw = malloc(LARGE + 1024);
    ck_assert_ptr_nonnull(raw);
    int head = snprintf(raw, 1024,
                        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nPOST /api/v1/auctions/%s/images : x\r\n"
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                        fixture.auction, LARGE);
    memcpy(raw + head, text, LARGE);
    char out[4096];
    bool closed = false;
    ck_assert_int_gt(client_raw(deployment_http_url(), raw, (size_t)head + LARGE, 0, 10000, out, sizeof(out), &closed),
                     0);
    ck_assert_msg(strstr(out, " 413 ") != NULL || strstr(out, " 400 ") != NULL, "%.500s", out);
    free(raw);
    free(text);
}
END_TEST

START_TEST(the_number_of_images_per_auction_is_limited)
{
    for (int i = 1; i <= IMAGES_MAX; i++) {
        const struct reply *reply = upload(&fixture.seller, "image/png", image_png(8, 8, unique_seed()));
        EXPECT_STATUS(reply, 201);
        EXPECT_TEXT(reply, "order", client_format("%d", i));
    }
    EXPECT_ERROR(upload(&fixture.seller, "image/png", image_png(8, 8, unique_seed())), 409, "TOO_MANY_IMAGES");
    ck_assert_int_eq(reply_count(factory_get_auction(fixture.client, NULL, fixture.auction), "images"), IMAGES_MAX);
}
END_TEST

START_TEST(removing_an_image_renumbers_the_rest)
{
    char ids[3][64];
    for (int i = 0; i < 3; i++) {
        const struct reply *reply = upload(&fixture.seller, "image/png", image_png(8, 8, unique_seed()));
        EXPECT_STATUS(reply, 201);
        copy_member(reply, "id", ids[i]);
    }
    const char *middle = fixture_path(client_format("/images/%s", ids[1]));
    EXPECT_ERROR(fixture_call(NULL, "DELETE", middle, NULL), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", middle, NULL), 403, "FORBIDDEN");
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", middle, NULL), 204);
    EXPECT_ERROR(fixture_call(&fixture.seller, "DELETE", middle, NULL), 404, "NOT_FOUND");
    const struct reply *auction = factory_get_auction(fixture.client, NULL, fixture.auction);
    ck_assert_int_eq(reply_count(auction, "images"), 2);
    EXPECT_TEXT(auction, "images.1.id", ids[2]);
    EXPECT_TEXT(auction, "images.1.order", "2");
}
END_TEST

START_TEST(a_seller_cannot_remove_images_after_the_first_bid)
{
    char id[64];
    const struct reply *reply = upload(&fixture.seller, "image/png", image_png(8, 8, unique_seed()));
    EXPECT_STATUS(reply, 201);
    copy_member(reply, "id", id);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_ERROR(fixture_call(&fixture.seller, "DELETE", fixture_path(client_format("/images/%s", id)), NULL), 409,
                 "HAS_BIDS");
    EXPECT_STATUS(upload(&fixture.seller, "image/png", image_png(8, 8, unique_seed())), 201);
}
END_TEST

START_TEST(images_of_a_draft_are_private_and_deleted_with_it)
{
    char draft[UUID_TEXT_SIZE];
    char path[128];
    char url[64];
    const char *images = "SELECT count(*) FROM images WHERE auction_id = $1::uuid";
    const struct factory_terms terms = {.more = "\"draft\": true"};
    struct image image = image_png(30, 20, unique_seed());
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, draft));
    EXPECT_ERROR(upload_to(&fixture.ann, draft, "image/png", image.bytes, image.length), 404, "NOT_FOUND");
    const struct reply *reply = upload_to(&fixture.seller, draft, "image/png", image.bytes, image.length);
    EXPECT_STATUS(reply, 201);
    free(image.bytes);
    copy_member(reply, "url", url);
    (void)snprintf(path, sizeof(path), "/api/v1/auctions/%s/images/%s", draft, reply_text(reply, "id"));
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", path, NULL), 404, "NOT_FOUND");
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.seller, draft), "images.0.url", url);
    ck_assert_int_eq(sql_int(fixture.sql, images, draft, NULL), 1);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", draft), NULL), 204);
    ck_assert_int_eq(sql_int(fixture.sql, images, draft, NULL), 0);
    const char *count_query = "SELECT count(*) FROM image_leftovers WHERE file = $1::uuid";
    ck_assert_int_eq(sql_int(fixture.sql, count_query, url + strlen("/images/"), NULL), 1);
}
END_TEST

START_TEST(an_admin_can_remove_images_after_a_bid_and_is_audited)
{
    struct factory_user admin;
    char path[128];
    const char *count_query = "SELECT count(*) FROM audit_log WHERE actor_id = $1::uuid AND subject = $2";
    const struct reply *reply = upload(&fixture.seller, "image/png", image_png(8, 8, unique_seed()));
    EXPECT_STATUS(reply, 201);
    (void)snprintf(path, sizeof(path), "/api/v1/auctions/%s/images/%s", fixture.auction, reply_text(reply, "id"));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    EXPECT_STATUS(fixture_call(&admin, "DELETE", path, NULL), 204);
    ck_assert_int_eq(reply_count(factory_get_auction(fixture.client, NULL, fixture.auction), "images"), 0);
    ck_assert_int_eq(sql_int(fixture.sql, count_query, admin.id, path, NULL), 1);
}
END_TEST

/* The sweep deletes a file one hour after its last image was removed. The test moves the due time into the past. */
START_TEST(the_sweep_deletes_files_without_images)
{
    enum { SWEEP_MS = 20000 };
    char ids[2][64];
    char urls[2][64];
    const uint32_t seed = unique_seed();
    for (int i = 0; i < 2; i++) {
        const struct reply *reply = upload(&fixture.seller, "image/png", image_png(9, 9, seed));
        EXPECT_STATUS(reply, 201);
        copy_member(reply, "id", ids[i]);
        copy_member(reply, "url", urls[i]);
    }
    ck_assert_str_eq(urls[0], urls[1]);
    const char *overdue = "UPDATE image_leftovers SET due = now() - interval '1 second' WHERE file = $1::uuid"
                          " RETURNING file";
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", fixture_path(client_format("/images/%s", ids[0])), NULL),
                  204);
    PQclear(sql_rows(fixture.sql, overdue, urls[0] + strlen("/images/"), NULL));
    /* The sweep deletes the row but keeps the file: the second image uses it. */
    const char *count_query = "SELECT count(*) FROM image_leftovers WHERE file = $1::uuid";
    SUITE_WAIT(sql_int(fixture.sql, count_query, urls[0] + strlen("/images/"), NULL) == 0, SWEEP_MS);
    EXPECT_STATUS(fixture_call(NULL, "GET", urls[0], NULL), 200);
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", fixture_path(client_format("/images/%s", ids[1])), NULL),
                  204);
    EXPECT_STATUS(fixture_call(NULL, "GET", urls[0], NULL), 200);
    PQclear(sql_rows(fixture.sql, overdue, urls[0] + strlen("/images/"), NULL));
    SUITE_WAIT(fixture_call(NULL, "GET", urls[0], NULL)->status == 404, SWEEP_MS);
    EXPECT_STATUS(upload(&fixture.seller, "image/png", image_png(9, 9, seed)), 201);
    EXPECT_STATUS(fixture_call(NULL, "GET", urls[0], NULL), 200);
}
END_TEST

/* An upload by a client of its own while the auction is deleted. */
struct race {
    char auction[UUID_TEXT_SIZE];
    struct image image;
    int status;
    char url[64];
};

static void *run_upload(void *arg)
{
    struct race *race = arg;
    struct client *client = client_new(deployment_http_url());
    if (client != NULL) {
        client_token(client, fixture.seller.token);
        client_header(client, "Content-Type: image/png");
        const struct reply *reply =
            client_send(client, "POST", client_format("/api/v1/auctions/%s/images", race->auction), race->image.bytes,
                        race->image.length);
        race->status = reply->status;
        copy_member(reply, "url", race->url);
        client_free(client);
    }
    return NULL;
}

/* The deletion starts later in each round, from before the first step of the upload to after its last. */
START_TEST(an_upload_racing_the_deletion_of_its_draft_leaves_no_row)
{
    enum { RACES = 16, STEP_NS = 10000000 };
    const struct factory_terms terms = {.more = "\"draft\": true"};
    int added = 0;
    int refused = 0;
    for (int i = 0; i < RACES; i++) {
        struct race race = {.image = image_png(60, 60, unique_seed())};
        const struct timespec delay = {.tv_nsec = i * (long)STEP_NS};
        pthread_t thread;
        ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, race.auction));
        ck_assert_int_eq(pthread_create(&thread, NULL, run_upload, &race), 0);
        (void)nanosleep(&delay, NULL);
        const struct reply *reply =
            fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", race.auction), NULL);
        int deleted = reply->status;
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        free(race.image.bytes);
        ck_assert_int_eq(deleted, 204);
        ck_assert_msg(race.status == 201 || race.status == 404 || race.status == 503, "upload: %d", race.status);
        added += race.status == 201 ? 1 : 0;
        refused += race.status == 201 ? 0 : 1;
        ck_assert_int_eq(
            sql_int(fixture.sql, "SELECT count(*) FROM images WHERE auction_id = $1::uuid", race.auction, NULL), 0);
        /* The sweep will delete the file. */
        ck_assert(race.status != 201 ||
                  sql_int(fixture.sql, "SELECT count(*) FROM image_leftovers WHERE file = $1::uuid",
                          race.url + strlen("/images/"), NULL) == 1);
    }
    (void)printf("%d uploads finished before the deletion, %d were refused\n", added, refused);
}
END_TEST

static Suite *images_suite(void)
{
    const TTest *const tests[] = {
        an_upload_is_served_in_four_sizes,
        metadata_is_removed_and_the_orientation_applied,
        webp_uploads_are_accepted,
        images_are_cacheable_as_immutable,
        the_auctions_etag_changes_with_its_images,
        only_the_seller_can_upload,
        unsupported_and_mislabelled_images_are_415,
        decompression_bombs_and_corrupt_files_are_refused,
        uploads_are_limited_to_5_mebibytes,
        the_upload_limit_does_not_apply_to_other_bodies,
        the_number_of_images_per_auction_is_limited,
        removing_an_image_renumbers_the_rest,
        a_seller_cannot_remove_images_after_the_first_bid,
        images_of_a_draft_are_private_and_deleted_with_it,
        an_upload_racing_the_deletion_of_its_draft_leaves_no_row,
        an_admin_can_remove_images_after_a_bid_and_is_audited,
        the_sweep_deletes_files_without_images,
        NULL,
    };
    return fixture_suite("images", tests);
}

int main(void)
{
    return suite_run(images_suite());
}
