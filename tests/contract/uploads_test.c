/*
 * Pictures that are uploaded to one auction at the same moment: each finds its place, or is told that there is none.
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

enum { IMAGES_MOST = 12, AT_ONCE = 16 };

/* One upload to the fixture's auction, by a client of its own. */
struct upload {
    struct image image;
    int status; /* 0: there was no answer */
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

/* Picture i is the one of seed `first` + i * `step`. Each upload is 201 with an order of its own, or 409. */
static void upload_at_once(int count, uint32_t first, uint32_t step, int expected)
{
    struct upload uploads[AT_ONCE] = {{.status = 0}};
    pthread_t threads[AT_ONCE];
    bool taken[IMAGES_MOST + 1] = {false};
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
            ck_assert_msg(order >= 1 && order <= IMAGES_MOST && !taken[order], "upload %d has order %d", i, order);
            taken[order] = true;
            added++;
        }
    }
    ck_assert_int_eq(added, expected);
    ck_assert_int_eq(reply_count(factory_look(fixture.client, &fixture.seller, fixture.auction), "images"), expected);
}

static uint32_t fresh(int round)
{
    return (uint32_t)getpid() * 1000U + (uint32_t)round * 100U;
}

static void new_auction(void)
{
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, fixture.auction));
}

enum { ROUNDS = 4 };

START_TEST(different_pictures_at_once_each_find_a_place)
{
    for (int round = 0; round < ROUNDS; round++) {
        new_auction();
        upload_at_once(AT_ONCE, fresh(round), 1, IMAGES_MOST);
    }
}
END_TEST

START_TEST(the_same_picture_at_once_is_as_many_images)
{
    for (int round = 0; round < ROUNDS; round++) {
        new_auction();
        upload_at_once(IMAGES_MOST - 1, fresh(round), 0, IMAGES_MOST - 1);
    }
}
END_TEST

static Suite *uploads_suite(void)
{
    const TTest *const tests[] = {
        different_pictures_at_once_each_find_a_place,
        the_same_picture_at_once_is_as_many_images,
        NULL,
    };
    return fixture_suite("uploads", tests);
}

int main(void)
{
    return suite_run(uploads_suite());
}
