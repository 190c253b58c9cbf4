/*
 * Creates the data of one measurement over HTTP: users with sessions, and long auctions. Usage:
 *
 *     seed FILE.lua [AUCTIONS [END-MS]]
 *
 * Without AUCTIONS there are as many as the peer has. With END-MS (since 1970) all of them end then, and bids do not
 * extend them. FILE.lua then sets `ids` (auctions) and `toks` (session tokens) for tests/bench/load.lua.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/factory.h"

enum { SEED_USERS = 1000, SEED_AUCTIONS = 500, SEED_AUCTIONS_MAX = 10000, SEED_THREADS = 8 };

static struct factory_user users[SEED_USERS];
static struct factory_user seller;
static char auctions[SEED_AUCTIONS_MAX][UUID_TEXT_SIZE];
static int auction_count = SEED_AUCTIONS;
static int64_t end_ms; /* 0: in an hour */
static atomic_int next;
static atomic_bool failed;

static bool seed_auction(struct client *client, char id[static UUID_TEXT_SIZE])
{
    struct factory_terms terms = {.title = "Bench", .starting_price = "1.00"};
    if (end_ms > 0) {
        terms.more = "\"antiSnipe\": {\"windowSeconds\": 0, \"extensionSeconds\": 1, \"maxExtensions\": null}";
        terms.lasts_ms = end_ms - clock_now_ms();
        if (terms.lasts_ms <= 0) {
            (void)fprintf(stderr, "seed: END-MS is over\n");
            return false;
        }
    }
    return factory_auction(client, &seller, &terms, id);
}

static void *seed(void *arg)
{
    struct client *client = client_new(deployment_http_url());
    (void)arg;
    for (int i = atomic_fetch_add(&next, 1); client != NULL && i < SEED_USERS + auction_count && !atomic_load(&failed);
         i = atomic_fetch_add(&next, 1)) {
        bool done =
            i < SEED_USERS ? factory_user(client, &users[i], "Bidder") : seed_auction(client, auctions[i - SEED_USERS]);
        if (!done) {
            atomic_store(&failed, true);
        }
    }
    if (client == NULL) {
        atomic_store(&failed, true);
    }
    client_free(client);
    return NULL;
}

static bool seed_write(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        perror(path);
        return false;
    }
    (void)fprintf(file, "ids={");
    for (int i = 0; i < auction_count; i++) {
        (void)fprintf(file, "\"%s\",", auctions[i]);
    }
    (void)fprintf(file, "}\ntoks={");
    for (int i = 0; i < SEED_USERS; i++) {
        (void)fprintf(file, "\"%s\",", users[i].session);
    }
    (void)fprintf(file, "}\n");
    if (fclose(file) != 0) {
        perror(path);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    pthread_t threads[SEED_THREADS];
    int started = 0;
    auction_count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : SEED_AUCTIONS;
    end_ms = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    if (argc < 2 || argc > 4 || auction_count < 1 || auction_count > SEED_AUCTIONS_MAX || end_ms < 0) {
        (void)fprintf(stderr, "usage: %s FILE.lua [AUCTIONS [END-MS]]\n", argv[0]);
        return 2;
    }
    struct client *client = client_new(deployment_http_url());
    bool ready = client != NULL && factory_user(client, &seller, "Seller");
    client_free(client);
    while (ready && started < SEED_THREADS && pthread_create(&threads[started], NULL, seed, NULL) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return started > 0 && !atomic_load(&failed) && seed_write(argv[1]) ? EXIT_SUCCESS : EXIT_FAILURE;
}
