/*
 * Positions in a waiting line (gateway/live/sale_line.h) against an oracle, which counts the places ahead in a list of
 * all places. Random joins, leaves and turns; positions are taken in one version and advanced in a later one.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/live/sale_line.h"
#include "tests/support/suite.h"

enum {
    RUNS = 300,
    VERSIONS = 700,    /* more than a line keeps */
    PLACES_MAX = 6000, /* of one run */
    READERS = 24,      /* places whose position is followed */
    HISTORY = 40,      /* a position may be this many versions old when it arrives */
    FIRST_SEED = 20261122,
};

enum place_state { WAITING, TURN, GONE };

/* The oracle: every place, in the order of the line, and what happened to it in which version. */
struct oracle {
    int64_t seq;
    int64_t seqs[PLACES_MAX];
    enum place_state states[PLACES_MAX];
    int64_t ended[PLACES_MAX]; /* version; 0: it waits */
    int64_t joined[PLACES_MAX];
    size_t count;
    size_t head; /* no place before it waits */
};

static struct oracle oracle;
static struct sale_line line;

static uint64_t seed;

static size_t random_below(size_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33U) % limit;
}

/* The position of a place after a version, by counting. 0: it did not wait then. */
static int64_t counted(size_t place, int64_t version)
{
    int64_t ahead = 0;
    if (oracle.joined[place] > version || (oracle.ended[place] != 0 && oracle.ended[place] <= version)) {
        return 0;
    }
    for (size_t i = 0; i < place; i++) {
        ahead += oracle.ended[i] == 0 || oracle.ended[i] > version ? 1 : 0;
    }
    return ahead + 1;
}

static void join(int64_t version)
{
    if (oracle.count < PLACES_MAX) {
        oracle.seqs[oracle.count] = ++oracle.seq;
        oracle.states[oracle.count] = WAITING;
        oracle.ended[oracle.count] = 0;
        oracle.joined[oracle.count++] = version;
    }
}

static void leave(struct sale_live *update)
{
    size_t place = oracle.count == 0 ? 0 : random_below(oracle.count);
    if (oracle.count == 0 || oracle.states[place] == GONE) {
        return;
    }
    oracle.seq++;
    if (oracle.states[place] == WAITING) {
        oracle.ended[place] = update->version;
        sale_live_add_gone(update, oracle.seqs[place]);
    }
    oracle.states[place] = GONE;
}

static void grant(struct sale_live *update)
{
    for (size_t i = oracle.head; i < oracle.count; i++) {
        if (oracle.states[i] == WAITING) {
            oracle.states[i] = TURN;
            oracle.ended[i] = update->version;
            oracle.seq++;
            update->granted++;
            return;
        }
    }
}

/* One batch: commands and turns in a random order. */
static struct sale_live next_version(int64_t version, size_t commands)
{
    struct sale_live update = {.version = version};
    for (size_t i = 0; i < commands; i++) {
        switch (random_below(8)) {
        case 0:
        case 1:
        case 2:
        case 3:
            join(version);
            break;
        case 4:
            leave(&update);
            break;
        case 5:
            grant(&update);
            break;
        default:
            oracle.seq++; /* an order, or a refused command */
            break;
        }
    }
    while (oracle.head < oracle.count && oracle.states[oracle.head] != WAITING) {
        oracle.head++;
    }
    update.head_seq = oracle.head < oracle.count ? oracle.seqs[oracle.head] : oracle.seq + 1;
    return update;
}

struct reader {
    bool used;
    size_t place;
    struct sale_place of;
};

/* A place that waited in a version up to HISTORY ago, with its position then, as a late message brings it. */
static struct reader new_reader(int64_t version)
{
    struct reader reader = {.used = false};
    int64_t then = version - (int64_t)random_below(HISTORY);
    if (oracle.count == 0 || then < 1) {
        return reader;
    }
    reader.place = random_below(oracle.count);
    int64_t position = counted(reader.place, then);
    reader.used = position > 0;
    reader.of = (struct sale_place){oracle.seqs[reader.place], position, then};
    return reader;
}

static void check_reader(struct reader *reader, int64_t version, size_t *known)
{
    int64_t expected = counted(reader->place, version);
    switch (sale_line_advance(&line, &reader->of)) {
    case SALE_LINE_WAITS:
        ck_assert_int_eq(reader->of.position, expected);
        ck_assert_int_eq(reader->of.version, version);
        (*known)++;
        break;
    case SALE_LINE_ENDED:
        ck_assert_int_eq(expected, 0);
        reader->used = false;
        (*known)++;
        break;
    case SALE_LINE_UNKNOWN:
        ck_assert_int_lt(reader->of.version, line.first);
        reader->used = false;
        break;
    default:
        ck_abort_msg("a position of version %lld is ahead of %lld", (long long)reader->of.version, (long long)version);
    }
}

START_TEST(positions_are_those_that_counting_gives)
{
    static struct reader readers[READERS];
    size_t known = 0;
    for (size_t run = 0; run < RUNS; run++) {
        int64_t versions = run % 10 == 0 ? VERSIONS : VERSIONS / 10;
        seed = FIRST_SEED + run;
        memset(&oracle, 0, sizeof(oracle));
        memset(&line, 0, sizeof(line));
        memset(readers, 0, sizeof(readers));
        sale_line_reset(&line, 1, 0);
        for (int64_t version = 2; version <= versions; version++) {
            struct sale_live update = next_version(version, random_below(12));
            update.look = random_below(200) == 0;
            sale_line_add(&line, &update);
            for (size_t i = 0; i < READERS; i++) {
                if (!readers[i].used) {
                    readers[i] = new_reader(version);
                } else if (random_below(4) == 0) {
                    check_reader(&readers[i], version, &known);
                }
            }
        }
    }
    ck_assert_uint_gt(known, 100000);
}
END_TEST

static struct sale_place place;

static void add(int64_t version, int64_t head_seq, int64_t granted)
{
    const struct sale_live update = {.version = version, .head_seq = head_seq, .granted = granted};
    sale_line_add(&line, &update);
}

static void set_up(void)
{
    memset(&line, 0, sizeof(line));
    place = (struct sale_place){.seq = 50, .position = 10, .version = 7};
}

START_TEST(an_unknown_line_asks_for_every_place)
{
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_UNKNOWN);
    sale_line_reset(&line, 8, 1);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_UNKNOWN);
    ck_assert_int_eq(place.position, 10);
}
END_TEST

START_TEST(a_place_of_a_later_version_waits_for_the_line)
{
    sale_line_reset(&line, 6, 1);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_AHEAD);
    add(7, 1, 3);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_WAITS);
    ck_assert_int_eq(place.position, 10);
    add(8, 20, 4);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_WAITS);
    ck_assert_int_eq(place.position, 6);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_WAITS);
    ck_assert_int_eq(place.position, 6);
}
END_TEST

START_TEST(a_place_below_the_head_has_ended)
{
    sale_line_reset(&line, 7, 51);
    struct sale_place same = place;
    ck_assert_int_eq(sale_line_advance(&line, &same), SALE_LINE_ENDED);
    sale_line_reset(&line, 7, 1);
    add(8, 50, 9);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_WAITS);
    ck_assert_int_eq(place.position, 1);
    add(9, 51, 1);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_ENDED);
}
END_TEST

START_TEST(a_contradiction_asks_for_the_place)
{
    sale_line_reset(&line, 7, 1);
    add(8, 50, 10);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_UNKNOWN);
    ck_assert_int_eq(place.position, 10);
}
END_TEST

START_TEST(a_place_that_was_left_has_ended)
{
    struct sale_live update = {.version = 8, .head_seq = 1};
    sale_line_reset(&line, 7, 1);
    sale_live_add_gone(&update, 49);
    sale_live_add_gone(&update, 51);
    sale_line_add(&line, &update);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_WAITS);
    ck_assert_int_eq(place.position, 9);
    update = (struct sale_live){.version = 9, .head_seq = 1};
    sale_live_add_gone(&update, 50);
    sale_line_add(&line, &update);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_ENDED);
}
END_TEST

START_TEST(only_so_many_versions_are_kept)
{
    sale_line_reset(&line, 7, 1);
    for (int64_t version = 8; version < 7 + SALE_LINE_VERSIONS_MAX; version++) {
        add(version, 1, 0);
    }
    struct sale_place same = place;
    ck_assert_int_eq(sale_line_advance(&line, &same), SALE_LINE_WAITS);
    add(7 + SALE_LINE_VERSIONS_MAX, 1, 0);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_UNKNOWN);
    place.version = 8;
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_WAITS);
}
END_TEST

/* Adds versions until `count` places have been left. All have a higher seq than `place`. */
static void leave_many(int64_t count)
{
    while (line.gone_total < count) {
        struct sale_live update = {.version = line.version + 1, .head_seq = 1};
        for (size_t i = 0; i < SALE_LIVE_GONE_MAX && line.gone_total + (int64_t)update.gone_count < count; i++) {
            sale_live_add_gone(&update, 1000);
        }
        sale_line_add(&line, &update);
    }
}

START_TEST(only_so_many_places_that_were_left_are_kept)
{
    sale_line_reset(&line, 7, 1);
    leave_many(SALE_LINE_GONE_MAX);
    struct sale_place same = place;
    ck_assert_int_eq(sale_line_advance(&line, &same), SALE_LINE_WAITS);
    ck_assert_int_eq(same.position, 10);
    leave_many(SALE_LINE_GONE_MAX + 1);
    ck_assert_int_eq(sale_line_advance(&line, &place), SALE_LINE_UNKNOWN);
    ck_assert_int_eq(sale_line_advance(&line, &same), SALE_LINE_WAITS);
}
END_TEST

static Suite *sale_line_suite(void)
{
    Suite *suite = suite_create("gateway_sale_line");
    TCase *tcase = tcase_create("sale_line");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, positions_are_those_that_counting_gives);
    tcase_add_test(tcase, an_unknown_line_asks_for_every_place);
    tcase_add_test(tcase, a_place_of_a_later_version_waits_for_the_line);
    tcase_add_test(tcase, a_place_below_the_head_has_ended);
    tcase_add_test(tcase, a_contradiction_asks_for_the_place);
    tcase_add_test(tcase, a_place_that_was_left_has_ended);
    tcase_add_test(tcase, only_so_many_versions_are_kept);
    tcase_add_test(tcase, only_so_many_places_that_were_left_are_kept);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sale_line_suite());
}
