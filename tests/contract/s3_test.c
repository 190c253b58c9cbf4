/*
 * Images in an S3 store. Each test starts a second gateway on the deployment's servers, and a store that checks every
 * signature (tests/support/s3.h). The store's own signatures are checked against the examples that AWS publishes.
 *
 * Runs alone: its gateway uses the same queues and tables.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/image.h"
#include "tests/support/own_gateway.h"
#include "tests/support/s3.h"

enum { SETTINGS_SIZE = 1024, URL_SIZE = 64 };

static struct {
    pid_t store;
    int port;
    struct own_gateway gateway; /* under test */
} s3;

static void start_gateway(const char *secret_key)
{
    char sections[SETTINGS_SIZE];
    (void)snprintf(sections, sizeof(sections),
                   "[limits]\nimages_per_hour = 0\n[images]\nstore = s3\n"
                   "s3_endpoint = http://127.0.0.1:%d\ns3_region = " S3_REGION "\ns3_bucket = " S3_BUCKET
                   "\ns3_access_key = " S3_ACCESS_KEY "\ns3_secret_key = %s\nimage_sweep_s = 1\n",
                   s3.port, secret_key);
    own_gateway_start(&s3.gateway, sections);
}

static void setup(void)
{
    fixture_setup();
    s3.store = s3_start(&s3.port);
}

static const struct reply *upload(uint32_t seed)
{
    struct image image = image_png(30, 20, seed);
    client_token(s3.gateway.client, fixture.seller.token);
    client_header(s3.gateway.client, "Content-Type: image/png");
    const struct reply *reply =
        client_send(s3.gateway.client, "POST", fixture_path("/images"), image.bytes, image.length);
    free(image.bytes);
    return reply;
}

static const struct reply *get(const char *path)
{
    client_token(s3.gateway.client, NULL);
    return client_call(s3.gateway.client, "GET", path, NULL);
}

/* AWS, "Authenticating Requests: Using the Authorization Header", examples GET Object and PUT Object. */
START_TEST(the_test_store_computes_the_published_signatures)
{
    char signature[S3_SIGNATURE_SIZE];
    char *const day = strdup("20130524T000000Z");
    char host_name[] = "host";
    char host[] = "examplebucket.s3.amazonaws.com";
    char range_name[] = "range";
    char range[] = "bytes=0-9";
    char hash_name[] = "x-amz-content-sha256";
    char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char put_hash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    char time_name[] = "x-amz-date";
    char date_name[] = "date";
    char date[] = "Fri, 24 May 2013 00:00:00 GMT";
    char class_name[] = "x-amz-storage-class";
    char storage_class[] = "REDUCED_REDUNDANCY";
    struct s3_request request = {
        .method = "GET",
        .path = "/test.txt",
        .headers = {{host_name, host}, {range_name, range}, {hash_name, empty_hash}, {time_name, day}},
        .header_count = 4,
        .signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
        .content_hash = empty_hash,
        .date = day,
        .region = "us-east-1",
        .secret_key = S3_SECRET_KEY,
    };
    s3_signature(&request, signature);
    ck_assert_str_eq(signature, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    request.method = "PUT";
    request.path = "/test%24file.text";
    request.signed_headers = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class";
    request.headers[1] = (struct s3_header){date_name, date};
    request.headers[2].value = put_hash;
    request.headers[4] = (struct s3_header){class_name, storage_class};
    request.header_count = 5;
    request.content_hash = put_hash;
    s3_signature(&request, signature);
    ck_assert_str_eq(signature, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    free(day);
}
END_TEST

START_TEST(images_are_stored_served_and_deleted)
{
    char url[URL_SIZE];
    char id[URL_SIZE];
    unsigned width = 0;
    unsigned height = 0;
    start_gateway(S3_SECRET_KEY);
    const struct reply *reply = upload((uint32_t)getpid());
    EXPECT_STATUS(reply, 201);
    (void)snprintf(url, sizeof url, "%s", reply_text(reply, "url"));
    (void)snprintf(id, sizeof id, "%s", reply_text(reply, "id"));
    reply = get(url);
    EXPECT_STATUS(reply, 200);
    ck_assert(image_webp_size(reply->body, reply->length, &width, &height));
    ck_assert_uint_eq(width, 30);
    ck_assert_uint_eq(height, 20);
    /* The deployment's own image store does not hold the file. */
    EXPECT_STATUS(fixture_call(NULL, "GET", url, NULL), 404);
    EXPECT_ERROR(get("/images/01234567-89ab-7def-8123-456789abcdef"), 404, "NOT_FOUND");
    client_token(s3.gateway.client, fixture.seller.token);
    EXPECT_STATUS(client_call(s3.gateway.client, "DELETE", fixture_path(client_format("/images/%s", id)), NULL), 204);
    ck_assert_int_eq(reply_count(factory_get_auction(fixture.client, NULL, fixture.auction), "images"), 0);
    own_gateway_stop(&s3.gateway);
    s3_end(s3.store);
}
END_TEST

START_TEST(a_wrong_secret_key_gets_503)
{
    start_gateway("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEX");
    EXPECT_ERROR(upload(1), 503, "UNAVAILABLE");
    EXPECT_ERROR(get("/images/01234567-89ab-7def-8123-456789abcdef"), 503, "UNAVAILABLE");
    own_gateway_stop(&s3.gateway);
    s3_end(s3.store);
}
END_TEST

START_TEST(without_the_store_only_images_get_503)
{
    start_gateway(S3_SECRET_KEY);
    s3_end(s3.store);
    EXPECT_ERROR(upload(2), 503, "UNAVAILABLE");
    EXPECT_ERROR(get("/images/01234567-89ab-7def-8123-456789abcdef"), 503, "UNAVAILABLE");
    EXPECT_STATUS(get("/ready"), 200);
    EXPECT_STATUS(get(fixture_path("")), 200);
    own_gateway_stop(&s3.gateway);
}
END_TEST

static Suite *s3_suite(void)
{
    Suite *suite = suite_create("s3");
    TCase *judge = tcase_create("signature");
    tcase_add_test(judge, the_test_store_computes_the_published_signatures);
    suite_add_tcase(suite, judge);
    TCase *store = tcase_create("store");
    tcase_add_checked_fixture(store, setup, fixture_teardown);
    tcase_add_test(store, images_are_stored_served_and_deleted);
    tcase_add_test(store, a_wrong_secret_key_gets_503);
    tcase_add_test(store, without_the_store_only_images_get_503);
    suite_add_tcase(suite, store);
    return suite;
}

int main(void)
{
    return suite_run(s3_suite());
}
