/*
 * Concurrent uploads of images to one auction: each gets an order of its own, or 409 when the auction is full.
 *
 * Runs alone: it needs every image decoder.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/image.h"

enum { IMAGES_MAX = 12, AT_ONCE = 16 };

/* One upload to the fixture's auction, by a client of its own. */
struct upload {
    struct image image;
    int status; /* 0: no answer */
    int order;
};

static void *run_upload(void *arg)
{
    struct upload *upload = arg;
    struct client *client = client_new(deployment_http_url());
    if (client == NULL) {
        return NULL;
    }
    client_token(client, fixture.seller.token);
    client_header(client, "Content-Type: image/png");
    const struct reply *reply =
        client_send(client, "POST", fixture_path("/images"), upload->image.bytes, upload->image.length);
    upload->status = reply->status;
    upload->order = (int)strtol(reply_text(reply, "order"), NULL, 10);
    client_free(client);
    return NULL;
}

/* Image i has the seed `first` + i * `step`. Each upload gets 201 with a unique order, or 409. */
static void upload_at_once(int count, uint32_t first, uint32_t step, int expected)
{
    struct upload uploads[AT_ONCE] = {{.status = 0}};
    pthread_t threads[AT_ONCE];
    bool used[IMAGES_MAX + 1] = {false};
    int added = 0;
    for (int i = 0; i < count; i++) {
        uploads[i].image = image_png(30, 20, first + (uint32_t)i * step);
    }
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_upload, &uploads[i]), 0);
    }
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        free(uploads[i].image.bytes);
    }
    for (int i = 0; i < count; i++) {
        ck_assert_msg(uploads[i].status == 201 || uploads[i].status == 409, "upload %d: %d", i, uploads[i].status);
        if (uploads[i].status == 201) {
            int order = uploads[i].order;
            ck_assert_msg(order >= 1 && order <= IMAGES_MAX && !used[order], "upload %d has order %d", i, order);
            used[order] = true;
            added++;
        }
    }
    ck_assert_int_eq(added, expected);
    ck_assert_int_eq(reply_count(factory_get_auction(fixture.client, &fixture.seller, fixture.auction), "images"),
                     expected);
}

static uint32_t unique_seed(int round)
{
    return (uint32_t)getpid() * 1000U + (uint32_t)round * 100U;
}

static void new_auction(void)
{
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, fixture.auction));
}

enum { ROUNDS = 4 };

START_TEST(concurrent_uploads_get_unique_orders_up_to_the_limit)
{
    for (int round = 0; round < ROUNDS; round++) {
        new_auction();
        upload_at_once(AT_ONCE, unique_seed(round), 1, IMAGES_MAX);
    }
}
END_TEST

START_TEST(concurrent_uploads_of_one_image_create_separate_images)
{
    for (int round = 0; round < ROUNDS; round++) {
        new_auction();
        upload_at_once(IMAGES_MAX - 1, unique_seed(round), 0, IMAGES_MAX - 1);
    }
}
END_TEST

static Suite *uploads_suite(void)
{
    const TTest *const tests[] = {
        concurrent_uploads_get_unique_orders_up_to_the_limit,
        concurrent_uploads_of_one_image_create_separate_images,
        NULL,
    };
    return fixture_suite("uploads", tests);
}

int main(void)
{
    return suite_run(uploads_suite());
}
