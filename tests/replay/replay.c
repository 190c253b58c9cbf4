/*
 * Plays recorded auctions in the running deployment, over HTTP. Usage:
 *
 *     replay RECORDING.csv RESULT.csv EXACT_PLAIN EXACT_RESERVED
 *
 * Every recorded maximum is placed as a proxy bid, in the recorded order (the next after the 202 of the one before),
 * and the fence ends the auction. The first pass has no reserves. The second pass repeats the lots that did not close
 * at the recorded price, with that price as reserve: the record does not contain a seller's hidden reserve. At least
 * EXACT_PLAIN lots must match after the first pass and EXACT_RESERVED after the second.
 *
 * A lot whose bids were not all placed before its end (a slow machine) is played again with a longer duration. It never
 * counts as a difference.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "tests/support/deployment.h"
#include "tests/support/factory.h"
#include "tests/support/recording.h"
#include "tests/support/suite.h"

enum {
    REPLAY_THREADS = 16,       /* auctions played at the same time; each has one unanswered bid */
    REPLAY_LASTS_MS = 8000,    /* duration of an auction: some 75 bids of a few milliseconds, with a margin */
    REPLAY_MARGIN_MS = 500,    /* the last bid must be placed this long before the end */
    REPLAY_TRIES = 4,          /* each with twice the duration of the one before */
    REPLAY_REPEATS = 40,       /* repetitions of a bid that got 503 or no answer, with its key */
    REPLAY_SETTLED_MS = 90000, /* from the end of bidding until the last auction is settled */
    REPLAY_PROGRESS_LOTS = 8,
};

/* One auction in one pass. */
struct play {
    const struct recording_lot *lot;
    int64_t reserve; /* 0: none */
    char auction[UUID_TEXT_SIZE];
    char status[16]; /* at the end */
    int64_t price;   /* at the end, 0: no bid */
    int refused;     /* refused 400 BID_TOO_LOW by the gateway */
    bool failed;     /* an unexpected answer */
};

struct replay {
    const struct recording *recording;
    struct factory_user *bidders;
    struct factory_user *sellers; /* one per item */
    struct play *plays;
    int play_count;
    atomic_int next; /* the next job */
    atomic_int bids; /* bids placed so far, for the progress line */
    atomic_bool failed;
    bool terminal;
    const char *doing;
};

typedef void (*replay_job)(struct replay *replay, struct client *client, int index);

struct replay_work {
    struct replay *replay;
    replay_job job;
    int count;
};

static void replay_progress(struct replay *replay, int done, int count)
{
    if (replay->terminal && (done % REPLAY_PROGRESS_LOTS == 0 || done == count)) {
        (void)fprintf(stderr, "\r%s: %d of %d, %d bids placed ", replay->doing, done, count,
                      atomic_load(&replay->bids));
    }
}

static void *replay_thread(void *arg)
{
    struct replay_work *work = arg;
    struct client *client = client_new(deployment_http_url());
    if (client == NULL) {
        atomic_store(&work->replay->failed, true);
        return NULL;
    }
    for (;;) {
        int index = atomic_fetch_add(&work->replay->next, 1);
        if (index >= work->count || atomic_load(&work->replay->failed)) {
            break;
        }
        work->job(work->replay, client, index);
        replay_progress(work->replay, index + 1, work->count);
    }
    client_free(client);
    return NULL;
}

/* Runs `job` for 0..count-1 on REPLAY_THREADS threads. False if a job failed. */
static bool replay_parallel(struct replay *replay, const char *doing, replay_job job, int count)
{
    struct replay_work work = {.replay = replay, .job = job, .count = count};
    pthread_t threads[REPLAY_THREADS];
    int started = 0;
    replay->doing = doing;
    atomic_store(&replay->next, 0);
    while (started < REPLAY_THREADS && pthread_create(&threads[started], NULL, replay_thread, &work) == 0) {
        started++;
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (replay->terminal) {
        (void)fprintf(stderr, "\r%60s\r", "");
    }
    return started > 0 && !atomic_load(&replay->failed);
}

static void replay_enrol(struct replay *replay, struct client *client, int index)
{
    int sellers = replay->recording->item_count;
    bool done = index < sellers ? factory_user(client, &replay->sellers[index], replay->recording->items[index])
                                : factory_user(client, &replay->bidders[index - sellers],
                                               replay->recording->bidders[index - sellers]);
    if (!done) {
        atomic_store(&replay->failed, true);
    }
}

static bool replay_list(struct replay *replay, struct client *client, struct play *play, int64_t lasts_ms)
{
    char opening[MONEY_TEXT_SIZE];
    char reserve[MONEY_TEXT_SIZE];
    money_format(play->lot->opening, opening);
    money_format(play->reserve, reserve);
    struct factory_terms terms = {
        .title = client_format("%s %s", replay->recording->items[play->lot->item], play->lot->name),
        .starting_price = opening,
        .lasts_ms = lasts_ms,
        .more = client_format("\"incrementTable\": \"ebay-us\", \"antiSnipe\": {\"windowSeconds\": 0, "
                              "\"extensionSeconds\": 120, \"maxExtensions\": null}%s%s",
                              play->reserve > 0 ? ", \"reservePrice\": " : "", play->reserve > 0 ? reserve : ""),
    };
    return factory_auction(client, &replay->sellers[play->lot->item], &terms, play->auction);
}

/* Places one maximum, and repeats it until it is queued or refused. */
static void replay_bid(struct replay *replay, struct client *client, struct play *play, const struct recording_bid *bid)
{
    char key[UUID_TEXT_SIZE];
    char maximum[MONEY_TEXT_SIZE];
    const struct uuid id = uuid_new();
    uuid_format(&id, key);
    money_format(bid->maximum, maximum);
    client_token(client, replay->bidders[bid->bidder].token);
    const char *path = client_format("/api/v1/auctions/%s/proxy", play->auction);
    const char *body = client_format("{\"maxAmount\": %s}", maximum);
    const char *header = client_format("X-Idempotency-Key: %s", key);
    const struct reply *reply = NULL;
    for (int i = 0; i < REPLAY_REPEATS; i++) {
        client_header(client, header);
        reply = client_call(client, "POST", path, body);
        if (reply->status != 0 && reply->status != 503) {
            break;
        }
        suite_pause();
    }
    bool too_low = reply->status == 400 && strcmp(reply_text(reply, "error"), "BID_TOO_LOW") == 0;
    bool late = reply->status == 409 && strcmp(reply_text(reply, "error"), "AUCTION_ENDED") == 0;
    play->refused += too_low;
    if (!too_low && !late && reply->status != 202 && reply->status != 200) {
        (void)fprintf(stderr, "lot %s: a maximum of %s got %d %s\n", play->lot->name, maximum, reply->status,
                      reply->body);
        play->failed = true;
    }
    atomic_fetch_add(&replay->bids, 1);
}

static void replay_play(struct replay *replay, struct client *client, int index)
{
    struct play *play = &replay->plays[index];
    int64_t lasts_ms = REPLAY_LASTS_MS;
    for (int i = 0; i < REPLAY_TRIES; i++, lasts_ms *= 2) {
        int64_t end_ms = clock_now_ms() + lasts_ms;
        play->refused = 0;
        play->failed = !replay_list(replay, client, play, lasts_ms);
        for (int b = 0; b < play->lot->count && !play->failed; b++) {
            replay_bid(replay, client, play, &replay->recording->bids[play->lot->first + b]);
        }
        if (play->failed || clock_now_ms() < end_ms - REPLAY_MARGIN_MS) {
            return;
        }
    }
    (void)fprintf(stderr, "lot %s: the deployment is too slow to place its bids in time\n", play->lot->name);
    play->failed = true;
}

/* Waits for end and settlement, and records the outcome. */
static void replay_close(struct replay *replay, struct client *client, int index)
{
    struct play *play = &replay->plays[index];
    int64_t until_ms = clock_mono_ms() + REPLAY_SETTLED_MS;
    while (!play->failed) {
        const struct reply *reply = factory_get_auction(client, NULL, play->auction);
        const char *status = reply_text(reply, "status");
        if (reply->status == 200 && (strcmp(status, "sold") == 0 || strcmp(status, "unsold") == 0)) {
            const char *price = reply_text(reply, "currentBid");
            (void)snprintf(play->status, sizeof(play->status), "%s", status);
            if (!money_parse(price, strlen(price), &play->price)) {
                play->price = 0;
            }
            return;
        }
        if (clock_mono_ms() > until_ms) {
            (void)fprintf(stderr, "lot %s: never settled: %d %s\n", play->lot->name, reply->status, reply->body);
            play->failed = true;
        }
        suite_pause();
    }
}

static bool replay_exact(const struct play *play)
{
    return !play->failed && play->price == play->lot->closing && strcmp(play->status, "sold") == 0;
}

static bool replay_pass(struct replay *replay, const char *doing, struct play *plays, int count)
{
    replay->plays = plays;
    replay->play_count = count;
    return replay_parallel(replay, doing, replay_play, count) &&
           replay_parallel(replay, "waiting for the hammer", replay_close, count);
}

static int replay_count(const struct play *plays, int count, int item, bool (*is)(const struct play *))
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        found += (item < 0 || plays[i].lot->item == item) && (is == NULL || is(&plays[i]));
    }
    return found;
}

/* Prints one line of the table; `item` -1: all items. */
static void replay_line(const struct recording *recording, int item, const struct play *plain,
                        const struct play *reserved, int reserved_count)
{
    int bids = 0;
    int refused = 0;
    for (int i = 0; i < recording->lot_count; i++) {
        if (item < 0 || plain[i].lot->item == item) {
            bids += plain[i].lot->count;
            refused += plain[i].refused;
        }
    }
    int lots = replay_count(plain, recording->lot_count, item, NULL);
    int exact = replay_count(plain, recording->lot_count, item, replay_exact);
    int more = replay_count(reserved, reserved_count, item, replay_exact);
    (void)printf("%-24s %8d %8d %8d %8d %14d %12d\n", item < 0 ? "all" : recording->items[item], lots, bids, refused,
                 exact, exact + more, lots - exact - more);
}

static void replay_table(const struct recording *recording, const struct play *plain, const struct play *reserved,
                         int reserved_count)
{
    (void)printf("%-24s %8s %8s %8s %8s %14s %12s\n", "item", "auctions", "bids", "refused", "exact", "with reserves",
                 "differences");
    for (int item = 0; item < recording->item_count; item++) {
        replay_line(recording, item, plain, reserved, reserved_count);
    }
    replay_line(recording, -1, plain, reserved, reserved_count);
}

static void replay_mismatches(const char *heading, const struct play *plays, int count)
{
    (void)printf("\n%s\n", heading);
    for (int i = 0; i < count; i++) {
        char recorded[MONEY_TEXT_SIZE];
        char got[MONEY_TEXT_SIZE];
        if (replay_exact(&plays[i])) {
            continue;
        }
        money_format(plays[i].lot->closing, recorded);
        money_format(plays[i].price, got);
        (void)printf("  %-12s recorded %10s  closed %10s  %s%s\n", plays[i].lot->name, recorded, got, plays[i].status,
                     plays[i].failed ? " FAILED" : "");
    }
}

static const struct play *replay_find(const struct play *plays, int count, const struct recording_lot *lot)
{
    for (int i = 0; i < count; i++) {
        if (plays[i].lot == lot) {
            return &plays[i];
        }
    }
    return NULL;
}

static bool replay_write(const char *path, const struct recording *recording, const struct play *plain,
                         const struct play *reserved, int reserved_count)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        perror(path);
        return false;
    }
    (void)fprintf(file,
                  "auction_id,item,bids,refused,recorded_price,price,status,price_with_reserve,status_with_reserve,"
                  "deployment_auction\n");
    for (int i = 0; i < recording->lot_count; i++) {
        char recorded[MONEY_TEXT_SIZE];
        char price[MONEY_TEXT_SIZE];
        char second[MONEY_TEXT_SIZE] = "";
        const struct play *again = replay_find(reserved, reserved_count, plain[i].lot);
        money_format(plain[i].lot->closing, recorded);
        money_format(plain[i].price, price);
        if (again != NULL) {
            money_format(again->price, second);
        }
        (void)fprintf(file, "%s,%s,%d,%d,%s,%s,%s,%s,%s,%s\n", plain[i].lot->name, recording->items[plain[i].lot->item],
                      plain[i].lot->count, plain[i].refused, recorded, price, plain[i].status, second,
                      again != NULL ? again->status : "", plain[i].auction);
    }
    if (fclose(file) != 0) {
        perror(path);
        return false;
    }
    return true;
}

/* Runs `rostrumctl verify` on all auctions. */
static bool replay_verify(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "verify", NULL);
    (void)printf("\nrostrumctl verify: exit %d\n%s", code, out);
    return code == 0;
}

/* Runs both passes and prints the report. Returns 0 if enough auctions matched. */
static int replay_all(struct replay *replay, struct play *plain, struct play *reserved, char **argv)
{
    const struct recording *recording = replay->recording;
    int lots = recording->lot_count;
    int reserved_count = 0;
    int plain_least = (int)strtol(argv[3], NULL, 10);
    int reserved_least = (int)strtol(argv[4], NULL, 10);
    if (!replay_parallel(replay, "registering", replay_enrol, recording->item_count + recording->bidder_count)) {
        return EXIT_FAILURE;
    }
    for (int i = 0; i < lots; i++) {
        plain[i].lot = &recording->lots[i];
    }
    bool done = replay_pass(replay, "without reserves", plain, lots);
    for (int i = 0; i < lots; i++) {
        if (!replay_exact(&plain[i])) {
            reserved[reserved_count++] = (struct play){.lot = plain[i].lot, .reserve = plain[i].lot->closing};
        }
    }
    done = done && replay_pass(replay, "with reserves", reserved, reserved_count);
    replay_table(recording, plain, reserved, reserved_count);
    replay_mismatches("Not at the recorded price without reserves:", plain, lots);
    replay_mismatches("Nor with the recorded price as the reserve:", reserved, reserved_count);
    done = replay_write(argv[2], recording, plain, reserved, reserved_count) && done;

    int exact = replay_count(plain, lots, -1, replay_exact);
    int with = exact + replay_count(reserved, reserved_count, -1, replay_exact);
    bool verified = replay_verify();
    int passed = (done && exact >= plain_least) + (done && with >= reserved_least) + verified;
    (void)printf("\nwithout reserves %d of %d (must be %d), with reserves %d of %d (must be %d)\n", exact, lots,
                 plain_least, with, lots, reserved_least);
    (void)printf("replay: %d passed, %d failed\n", passed, 3 - passed);
    return passed == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        (void)fprintf(stderr, "usage: %s RECORDING.csv RESULT.csv EXACT_PLAIN EXACT_RESERVED\n", argv[0]);
        return 2;
    }
    struct recording *recording = recording_read(argv[1]);
    if (recording == NULL) {
        return EXIT_FAILURE;
    }
    struct replay replay = {.recording = recording, .terminal = isatty(STDERR_FILENO) == 1};
    size_t lots = (size_t)recording->lot_count;
    struct play *plain = calloc(lots, sizeof(*plain));
    struct play *reserved = calloc(lots, sizeof(*reserved));
    replay.bidders = calloc((size_t)recording->bidder_count, sizeof(*replay.bidders));
    replay.sellers = calloc((size_t)recording->item_count, sizeof(*replay.sellers));
    int code = EXIT_FAILURE;
    if (plain != NULL && reserved != NULL && replay.bidders != NULL && replay.sellers != NULL) {
        code = replay_all(&replay, plain, reserved, argv);
    }
    free(plain);
    free(reserved);
    free(replay.bidders);
    free(replay.sellers);
    recording_free(recording);
    return code;
}
