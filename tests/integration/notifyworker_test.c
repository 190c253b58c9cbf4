/*
 * rostrum-notifyworker against real servers: recipients, no duplicates, no losses, and the number of notifications
 * written per second. The test plays the bid worker and the end worker: it publishes events and reads the
 * notifications.
 */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "tests/support/listing.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 30000, /* for any single wait */
    BIDDERS = 3,
    LOAD_MESSAGES = 200,
    LOAD_EVENTS = 200, /* in each message */
    LOAD_NOTICES = LOAD_MESSAGES * LOAD_EVENTS,
    HALF_LOAD_NOTICES = LOAD_NOTICES / 2,
    EXTENSION_NOTICES = 2 * (BIDDERS + 1),
    MINUTE_MS = 60000,
    MANY_WATCHERS = 12000,
    PAGE = 5000,           /* of the watchers of an auction */
    EXTENSION_MS = 120000, /* the extension that listing_new sets */
};

static const char settings[] = "[notifyworker]\nnotify_batch_max = 16\nwatch_poll_ms = 200\n";

static struct sql *sql;
static struct queues *queues;
static struct jsonw *writer;
static char config[PROGRAM_SETTINGS_SIZE];
static char seller[UUID_TEXT_SIZE];
static char bidders[BIDDERS][UUID_TEXT_SIZE];
static char auction[UUID_TEXT_SIZE];
static pid_t worker;

static void set_up(void)
{
    const char *url = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(url != NULL, "ROSTRUM_PG_URL is not set");
    sql = sql_open(url);
    ck_assert_ptr_nonnull(sql);
    queues = queues_open();
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    listing_clear(sql);
    queues_purge(queues, TOPOLOGY_NOTIFY_QUEUE);
    listing_user(sql, seller);
    listing_new(sql, &(struct listing){0}, seller, auction);
    for (int i = 0; i < BIDDERS; i++) {
        listing_user(sql, bidders[i]);
    }
    listing_bid(sql, auction, bidders[0], "10.00");
    listing_bid(sql, auction, bidders[1], "11.00");
    listing_bid(sql, auction, bidders[0], "12.00");
    program_settings(settings, config);
    worker = program_start_ready("rostrum-notifyworker", config);
}

static void tear_down(void)
{
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    program_settings_remove(config);
    listing_clear(sql);
    queues_purge(queues, TOPOLOGY_NOTIFY_QUEUE);
    queues_purge(queues, TOPOLOGY_DEAD_QUEUE);
    queues_close(queues);
    sql_close(sql);
    jsonw_free(writer);
}

static struct uuid id_of(const char *text)
{
    struct uuid id;
    ck_assert(uuid_parse(text, UUID_TEXT_SIZE - 1, &id));
    return id;
}

static struct auction_event event_of(enum event_kind kind, const char *user)
{
    struct auction_event event = {
        .kind = kind, .auction_id = id_of(auction), .amount = 1200, .version = 7, .at_ms = clock_now_ms()};
    if (user != NULL) {
        event.user_id = id_of(user);
    }
    return event;
}

static void publish(const struct auction_event *events, size_t count, int times)
{
    size_t length = 0;
    jsonw_reset(writer);
    message_write_events(writer, events, count);
    const char *body = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(body);
    for (int i = 0; i < times; i++) {
        queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, body, length);
    }
}

static int64_t notices(const char *user, const char *kind)
{
    return sql_int(sql, "SELECT count(*) FROM notifications WHERE user_id = $1::uuid AND kind = $2", user, kind, NULL);
}

static int64_t all_notices(void)
{
    return sql_int(sql, "SELECT count(*) FROM notifications", NULL);
}

/*
 * Returns when every published message was handled. A marker event has made its notification. The worker has been
 * drained, and has acked all deliveries. The queue is empty.
 */
static void wait_until_handled(void)
{
    static int64_t mark;
    struct auction_event event = event_of(EVENT_OUTBID, seller);
    event.version = INT64_C(1000000) + ++mark;
    event.at_ms = INT64_C(1000000000000) + mark;
    publish(&event, 1, 1);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM notifications WHERE created_at < '2020-01-01'", NULL) == 1,
               DEADLINE_MS);
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    ck_assert_int_eq(queues_depth(queues, TOPOLOGY_NOTIFY_QUEUE), 0);
    PQclear(sql_rows(sql, "DELETE FROM notifications WHERE created_at < '2020-01-01'", NULL));
    worker = program_start_ready("rostrum-notifyworker", config);
}

START_TEST(a_lost_lead_is_notified_to_the_user_of_the_event)
{
    struct auction_event events[] = {event_of(EVENT_OUTBID, bidders[0]), event_of(EVENT_PROXY_EXHAUSTED, bidders[1]),
                                     event_of(EVENT_STARTED, NULL), event_of(EVENT_ENDED, NULL)};
    publish(events, ARRAY_LEN(events), 1);
    wait_until_handled();
    ck_assert_int_eq(notices(bidders[0], "OUTBID"), 1);
    ck_assert_int_eq(notices(bidders[1], "PROXY_EXHAUSTED"), 1);
    ck_assert_int_eq(all_notices(), 2);
    ck_assert_str_eq(sql_text(sql, "SELECT amount FROM notifications WHERE kind = 'OUTBID'", NULL), "12.00");
}
END_TEST

START_TEST(a_lead_lost_again_is_notified_again)
{
    struct auction_event event = event_of(EVENT_OUTBID, bidders[0]);
    publish(&event, 1, 1);
    event.version++;
    publish(&event, 1, 1);
    wait_until_handled();
    ck_assert_int_eq(notices(bidders[0], "OUTBID"), 2);
}
END_TEST

START_TEST(a_lead_lost_twice_in_one_batch_is_notified_twice)
{
    struct auction_event events[] = {event_of(EVENT_OUTBID, bidders[0]), event_of(EVENT_OUTBID, bidders[1]),
                                     event_of(EVENT_OUTBID, bidders[0])};
    events[1].at_ms = events[2].at_ms = events[0].at_ms;
    events[1].amount = 1300;
    events[2].amount = 1400;
    publish(events, ARRAY_LEN(events), 2);
    wait_until_handled();
    ck_assert_int_eq(notices(bidders[0], "OUTBID"), 2);
    ck_assert_int_eq(notices(bidders[1], "OUTBID"), 1);
}
END_TEST

START_TEST(a_settlement_is_notified_to_seller_winner_and_losers)
{
    struct auction_event event = event_of(EVENT_SETTLED, bidders[0]);
    publish(&event, 1, 1);
    wait_until_handled();
    ck_assert_int_eq(notices(seller, "AUCTION_SOLD"), 1);
    ck_assert_int_eq(notices(bidders[0], "AUCTION_WON"), 1);
    ck_assert_int_eq(notices(bidders[1], "AUCTION_LOST"), 1);
    ck_assert_int_eq(all_notices(), 3);
}
END_TEST

START_TEST(an_unsold_auction_is_notified_to_seller_and_losers)
{
    struct auction_event event = event_of(EVENT_SETTLED, NULL);
    event.amount = 0;
    publish(&event, 1, 1);
    wait_until_handled();
    ck_assert_int_eq(notices(seller, "AUCTION_UNSOLD"), 1);
    ck_assert_int_eq(notices(bidders[0], "AUCTION_LOST"), 1);
    ck_assert_int_eq(notices(bidders[1], "AUCTION_LOST"), 1);
    ck_assert_int_eq(all_notices(), 3);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM notifications WHERE amount IS NULL", NULL), 3);
}
END_TEST

START_TEST(a_bidder_with_only_rejected_bids_is_not_notified)
{
    struct auction_event event = event_of(EVENT_SETTLED, bidders[0]);
    listing_bid(sql, auction, bidders[2], "13.00");
    PQclear(sql_rows(sql, "UPDATE bids SET status = 'rejected', reason = 'BID_TOO_LOW' WHERE bidder_id = $1::uuid",
                     bidders[2], NULL));
    publish(&event, 1, 1);
    wait_until_handled();
    ck_assert_int_eq(notices(bidders[2], "AUCTION_LOST"), 0);
    ck_assert_int_eq(all_notices(), 3);
}
END_TEST

START_TEST(ending_soon_is_notified_to_bidders)
{
    struct auction_event event = event_of(EVENT_ENDING_SOON, NULL);
    event.end_ms = event.at_ms + MINUTE_MS;
    publish(&event, 1, 2);
    wait_until_handled();
    ck_assert_int_eq(notices(bidders[0], "AUCTION_ENDING_SOON"), 1);
    ck_assert_int_eq(notices(bidders[1], "AUCTION_ENDING_SOON"), 1);
    ck_assert_int_eq(all_notices(), 2);
}
END_TEST

START_TEST(a_cancellation_is_notified_to_seller_and_bidders_once)
{
    struct auction_event event = event_of(EVENT_CANCELLED, NULL);
    publish(&event, 1, 2);
    wait_until_handled();
    ck_assert_int_eq(notices(seller, "AUCTION_CANCELLED"), 1);
    ck_assert_int_eq(notices(bidders[0], "AUCTION_CANCELLED"), 1);
    ck_assert_int_eq(notices(bidders[1], "AUCTION_CANCELLED"), 1);
    ck_assert_int_eq(all_notices(), 3);
}
END_TEST

/* Publishes the next extension, by a bid received `after_ms` later. */
static void extend_again(struct auction_event *event, int64_t after_ms)
{
    event->version++;
    event->at_ms += after_ms;
    event->end_ms += after_ms;
    publish(event, 1, 1);
}

START_TEST(extensions_within_a_minute_notify_each_bidder_once)
{
    struct auction_event events[2] = {event_of(EVENT_EXTENDED, NULL), event_of(EVENT_EXTENDED, NULL)};
    events[0].at_ms -= events[0].at_ms % MINUTE_MS;
    events[1].at_ms = events[0].at_ms + 1000;
    events[0].end_ms = events[0].at_ms + EXTENSION_MS;
    events[1].end_ms = events[1].at_ms + EXTENSION_MS;
    events[1].version++;
    publish(events, ARRAY_LEN(events), 1);
    wait_until_handled();
    ck_assert_int_eq(all_notices(), 3);
    extend_again(&events[1], 2000);
    listing_bid(sql, auction, bidders[2], "13.00");
    extend_again(&events[1], 2000);
    wait_until_handled();
    ck_assert_int_eq(notices(seller, "AUCTION_EXTENDED"), 1);
    for (int i = 0; i < BIDDERS; i++) {
        ck_assert_int_eq(notices(bidders[i], "AUCTION_EXTENDED"), 1);
    }
    extend_again(&events[1], MINUTE_MS);
    wait_until_handled();
    ck_assert_int_eq(notices(seller, "AUCTION_EXTENDED"), 2);
    ck_assert_int_eq(all_notices(), EXTENSION_NOTICES);
}
END_TEST

/* Notifications of an extension to this end, of one auction. */
static int64_t extensions_notified(const char *of_auction, int64_t end_ms)
{
    char end[CLOCK_TEXT_SIZE];
    clock_format(end_ms, end);
    return sql_int(sql,
                   "SELECT count(*) FROM notifications WHERE kind = 'AUCTION_EXTENDED' AND auction_id = $1::uuid"
                   " AND end_time = $2::timestamptz",
                   of_auction, end, NULL);
}

/* An extension by a bid that was received `after_ms` after the start of the previous minute. */
static struct auction_event extension_of(const char *of_auction, int64_t after_ms)
{
    static int64_t minute_ms; /* constant during a test */
    struct auction_event event = event_of(EVENT_EXTENDED, NULL);
    minute_ms = minute_ms == 0 ? event.at_ms - event.at_ms % MINUTE_MS - MINUTE_MS : minute_ms;
    event.auction_id = id_of(of_auction);
    event.at_ms = minute_ms + after_ms;
    event.end_ms = event.at_ms + EXTENSION_MS;
    return event;
}

/* A second auction, with more bids by the same two bidders than the first one. */
static void other_auction(char other[static UUID_TEXT_SIZE])
{
    listing_new(sql, &(struct listing){0}, seller, other);
    for (int i = 0; i < 9; i++) {
        listing_bid(sql, other, bidders[i % 2], "10.00");
    }
}

START_TEST(merged_extensions_notify_the_latest_end_of_each_auction)
{
    char other[UUID_TEXT_SIZE];
    other_auction(other);
    struct auction_event events[] = {extension_of(auction, 2000), extension_of(other, 7000),
                                     extension_of(auction, 5000), extension_of(auction, 1000),
                                     extension_of(other, 6000)};
    int64_t later_ms = events[2].end_ms;
    int64_t other_ms = events[1].end_ms;
    publish(events, ARRAY_LEN(events), 1);
    wait_until_handled();
    ck_assert_int_eq(all_notices(), INT64_C(2) * 3);
    ck_assert_int_eq(extensions_notified(auction, later_ms), 3);
    ck_assert_int_eq(extensions_notified(other, other_ms), 3);
}
END_TEST

/* The worker stores how far it has read each ledger and continues there. */
START_TEST(a_new_bidder_is_notified_of_the_next_extension)
{
    char other[UUID_TEXT_SIZE];
    char latest[UUID_TEXT_SIZE];
    other_auction(other);
    listing_user(sql, latest);
    struct auction_event first[] = {extension_of(auction, 1000), extension_of(other, 1000)};
    struct auction_event second[] = {extension_of(auction, 3000), extension_of(other, 3000)};
    struct auction_event third[] = {extension_of(other, 5000), extension_of(auction, 5000)};
    publish(first, ARRAY_LEN(first), 1);
    SUITE_WAIT(all_notices() == INT64_C(2) * 3, DEADLINE_MS);
    listing_bid(sql, auction, bidders[2], "13.00");
    listing_bid(sql, other, bidders[2], "13.00");
    publish(second, ARRAY_LEN(second), 1);
    SUITE_WAIT(all_notices() == INT64_C(2) * 4, DEADLINE_MS);
    listing_bid(sql, auction, latest, "14.00");
    listing_bid(sql, other, latest, "14.00");
    publish(third, ARRAY_LEN(third), 1);
    SUITE_WAIT(all_notices() == INT64_C(2) * 5, DEADLINE_MS);
    wait_until_handled();
    const char *const both[] = {auction, other};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        ck_assert_int_eq(extensions_notified(both[i], first[0].end_ms), 3);
        ck_assert_int_eq(extensions_notified(both[i], second[0].end_ms), 1);
        ck_assert_int_eq(extensions_notified(both[i], third[0].end_ms), 1);
    }
    ck_assert_int_eq(notices(bidders[2], "AUCTION_EXTENDED"), 2);
    ck_assert_int_eq(notices(latest, "AUCTION_EXTENDED"), 2);
}
END_TEST

START_TEST(a_voided_bid_is_notified_to_its_bidder_the_others_and_the_seller)
{
    struct auction_event event = event_of(EVENT_VOIDED, bidders[2]);
    publish(&event, 1, 1);
    publish(&event, 1, 1);
    wait_until_handled();
    ck_assert_int_eq(notices(seller, "BID_VOIDED"), 1);
    for (int i = 0; i < BIDDERS; i++) {
        ck_assert_int_eq(notices(bidders[i], "BID_VOIDED"), 1);
    }
}
END_TEST

START_TEST(a_redelivered_event_notifies_each_user_once)
{
    struct auction_event events[] = {event_of(EVENT_OUTBID, bidders[0]), event_of(EVENT_EXTENDED, NULL),
                                     event_of(EVENT_SETTLED, bidders[1]), event_of(EVENT_ENDING_SOON, NULL)};
    events[1].end_ms = events[3].end_ms = events[0].at_ms + MINUTE_MS;
    publish(events, ARRAY_LEN(events), 3);
    wait_until_handled();
    int64_t notified = all_notices();
    ck_assert_int_eq(notified, 1 + 3 + 3 + 2);
    publish(events, ARRAY_LEN(events), 3);
    wait_until_handled();
    ck_assert_int_eq(all_notices(), notified);
}
END_TEST

/* Adds a webhook of the seller or of the deployment (a nil id). No test connects to its address. */
static void add_webhook(const char *owner, const char *events)
{
    static const char add[] = "INSERT INTO webhooks (id, owner_id, slot, created_by, url, description, events, secret, "
                              "created_at, updated_at)"
                              " VALUES (gen_random_uuid(), $1::uuid, 1, $2::uuid, 'https://192.0.2.1/', '', $3::text[],"
                              " 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', now(), now()) RETURNING 1";
    ck_assert_int_eq(sql_int(sql, add, owner, seller, events, NULL), 1);
}

START_TEST(a_webhook_is_notified_each_event_once)
{
    struct auction_event events[] = {event_of(EVENT_OUTBID, seller),      event_of(EVENT_EXTENDED, NULL),
                                     event_of(EVENT_SETTLED, bidders[1]), event_of(EVENT_ENDING_SOON, NULL),
                                     event_of(EVENT_STARTED, NULL),       event_of(EVENT_EXTENDED, NULL)};
    events[1].end_ms = events[3].end_ms = events[0].at_ms - events[0].at_ms % MINUTE_MS + EXTENSION_MS;
    events[5].end_ms = events[1].end_ms + 1;
    events[5].version++;
    add_webhook("00000000-0000-0000-0000-000000000000",
                "{OUTBID,AUCTION_EXTENDED,AUCTION_SOLD,AUCTION_ENDING_SOON,AUCTION_STARTED}");
    add_webhook(seller, "{OUTBID,AUCTION_SOLD}");
    publish(events, ARRAY_LEN(events), 3);
    PQclear(sql_rows(sql, "UPDATE users SET muted = '{OUTBID}' WHERE id = $1::uuid", seller, NULL));
    wait_until_handled();
    publish(events, ARRAY_LEN(events), 3);
    wait_until_handled();
    static const char notified[] =
        "SELECT string_agg(kind || ' ' || n, ', ' ORDER BY kind) FROM (SELECT d.kind, count(*) AS n FROM deliveries d"
        " JOIN webhooks w ON w.id = d.endpoint::uuid AND w.owner_id = $1::uuid"
        " WHERE d.payload ->> 'timestamp' > '2020' GROUP BY d.kind) counts";
    ck_assert_str_eq(sql_text(sql, notified, "00000000-0000-0000-0000-000000000000", NULL),
                     "AUCTION_ENDING_SOON 1, AUCTION_EXTENDED 1, AUCTION_SOLD 1, AUCTION_STARTED 1, OUTBID 1");
    ck_assert_str_eq(sql_text(sql, notified, seller, NULL), "AUCTION_SOLD 1, OUTBID 1");
}
END_TEST

static void run(const char *statement)
{
    PGresult *result = sql_rows(sql, statement, auction, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

/* Makes users who watch the auction. */
static void add_watchers(void)
{
    run("INSERT INTO users (id, email, display_name, password_hash, created_at) SELECT gen_random_uuid(),"
        " 'watcher' || n || '@many.invalid of ' || $1::text, 'Watcher', '-', now() FROM generate_series(1, 12000) n");
    run("INSERT INTO watchlist (user_id, auction_id, created_at) SELECT id, $1::uuid, now() FROM users"
        " WHERE email LIKE '%@many.invalid of ' || $1::text");
    run("INSERT INTO watch_counts (auction_id, watchers, notified_bids, notified_end)"
        " SELECT id, 12000, bid_count, end_time FROM auctions WHERE id = $1::uuid");
}

static int64_t notices_of(const char *kind)
{
    return sql_int(sql, "SELECT count(*) FROM notifications WHERE kind = $1", kind, NULL);
}

/* The most notifications of one transaction. */
static int64_t largest_page(const char *kind)
{
    return sql_int(sql,
                   "SELECT max(n) FROM (SELECT count(*) AS n FROM notifications WHERE kind = $1 GROUP BY xmin::text) t",
                   kind, NULL);
}

START_TEST(many_watchers_are_notified_in_pages)
{
    struct auction_event event = event_of(EVENT_ENDING_SOON, NULL);
    event.end_ms = clock_now_ms() + MINUTE_MS;
    add_watchers();
    publish(&event, 1, 2);
    SUITE_WAIT(notices_of("AUCTION_ENDING_SOON") == MANY_WATCHERS + 2, DEADLINE_MS); /* and two bidders */
    ck_assert_int_le(largest_page("AUCTION_ENDING_SOON"), PAGE);
    run("UPDATE auctions SET bid_count = bid_count + 1 WHERE id = $1::uuid");
    SUITE_WAIT(notices_of("WATCHED_BID") == MANY_WATCHERS, DEADLINE_MS);
    ck_assert_int_le(largest_page("WATCHED_BID"), PAGE);
    run("UPDATE auctions SET end_time = original_end_time + interval '1 minute' WHERE id = $1::uuid");
    SUITE_WAIT(notices_of("AUCTION_EXTENDED") == MANY_WATCHERS, DEADLINE_MS);
    ck_assert_int_le(largest_page("AUCTION_EXTENDED"), PAGE);
    run("UPDATE auctions SET status = 'cancelled' WHERE id = $1::uuid");
    SUITE_WAIT(notices_of("AUCTION_CANCELLED") == MANY_WATCHERS, DEADLINE_MS);
    ck_assert_int_le(largest_page("AUCTION_CANCELLED"), PAGE);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM watch_fanouts", NULL) == 0, DEADLINE_MS);
    ck_assert_int_eq(notices_of("AUCTION_ENDING_SOON"), MANY_WATCHERS + 2);
    ck_assert_int_eq(notices_of("WATCHED_BID"), MANY_WATCHERS);
    run("DELETE FROM watchlist WHERE auction_id = $1::uuid");
    run("DELETE FROM users WHERE email LIKE '%@many.invalid of ' || $1::text");
}
END_TEST

/* A first bid, or one by the leader, makes no event. The look at all watched auctions finds it. */
START_TEST(a_bid_without_an_event_is_found_among_many_watched_auctions)
{
    run("INSERT INTO watch_counts (auction_id, watchers, notified_bids) SELECT gen_random_uuid(), 1, 0"
        " FROM generate_series(1, 3000) WHERE $1::uuid IS NOT NULL");
    run("INSERT INTO watch_counts (auction_id, watchers, notified_bids) SELECT id, 1, bid_count FROM auctions"
        " WHERE id = $1::uuid");
    PQclear(sql_rows(sql, "INSERT INTO watchlist (user_id, auction_id, created_at) VALUES ($1::uuid, $2::uuid, now())",
                     bidders[2], auction, NULL));
    run("UPDATE auctions SET bid_count = bid_count + 1 WHERE id = $1::uuid");
    SUITE_WAIT(notices(bidders[2], "WATCHED_BID") == 1, DEADLINE_MS);
    ck_assert_int_eq(notices_of("WATCHED_BID"), 1);
}
END_TEST

START_TEST(ids_sort_by_the_time_of_the_event)
{
    struct auction_event events[] = {event_of(EVENT_OUTBID, seller), event_of(EVENT_SETTLED, bidders[0])};
    events[0].at_ms -= 1000;
    publish(events, ARRAY_LEN(events), 1);
    wait_until_handled();
    ck_assert_str_eq(sql_text(sql,
                              "SELECT string_agg(kind, ' ' ORDER BY id) FROM notifications WHERE user_id = $1::uuid",
                              seller, NULL),
                     "OUTBID AUCTION_SOLD");
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(*) FROM notifications WHERE substr(id::text, 15, 1) <> '8' "
                             "OR strpos('89ab', substr(id::text, 20, 1)) = 0 "
                             "OR ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint "
                             "<> (extract(epoch FROM created_at) * 1000)::bigint",
                             NULL),
                     0);
}
END_TEST

START_TEST(only_undecodable_messages_go_to_the_dead_letters)
{
    char tap[QUEUES_NAME_SIZE];
    struct queues_message dead;
    struct auction_event event = event_of(EVENT_OUTBID, bidders[0]);
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_NOTIFY, tap);
    publish(&event, 1, 1);
    queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, "{\"v\":9}", strlen("{\"v\":9}"));
    event.version++;
    publish(&event, 1, 1);
    wait_until_handled();
    ck_assert_int_eq(notices(bidders[0], "OUTBID"), 2);
    SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
    ck_assert_str_eq(dead.body, "{\"v\":9}");
    ck_assert_str_ne(dead.reason, "");
    free(dead.body);
    ck_assert(!queues_take(queues, tap, &dead));
}
END_TEST

START_TEST(a_too_long_message_is_cut_for_the_dead_letters)
{
    char tap[QUEUES_NAME_SIZE];
    struct queues_message dead;
    size_t length = BROKER_MESSAGE_MAX_BYTES + 1;
    char *body = malloc(length);
    ck_assert_ptr_nonnull(body);
    memset(body, 'x', length);
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_NOTIFY, tap);
    queues_publish(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_BATCH, body, length);
    wait_until_handled();
    ck_assert(queues_take(queues, tap, &dead));
    ck_assert_uint_eq(dead.length, DEADLETTER_BODY_MAX_BYTES);
    free(dead.body);
    free(body);
}
END_TEST

START_TEST(a_batch_that_postgresql_refuses_is_bisected_to_one_message)
{
    char tap[QUEUES_NAME_SIZE];
    char statement[SQL_TEXT_SIZE];
    struct queues_message dead;
    queues_tap(queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_NOTIFY, tap);
    (void)snprintf(statement, sizeof(statement),
                   "ALTER TABLE notifications ADD CONSTRAINT poison CHECK (user_id <> '%s')", bidders[2]);
    PQclear(sql_rows(sql, statement, NULL));
    ck_assert_int_eq(program_end(worker, SIGTERM), 0); /* so that the messages are consumed in full batches */
    for (int i = 0; i < 40; i++) {
        struct auction_event event = event_of(EVENT_OUTBID, bidders[i == 13 ? 2 : i % 2]);
        event.version = i + 1;
        publish(&event, 1, 1);
    }
    worker = program_start("rostrum-notifyworker", config);
    wait_until_handled();
    PQclear(sql_rows(sql, "ALTER TABLE notifications DROP CONSTRAINT poison", NULL));
    ck_assert_int_eq(all_notices(), 39);
    SUITE_WAIT(queues_take(queues, tap, &dead), DEADLINE_MS);
    ck_assert_ptr_nonnull(strstr(dead.body, bidders[2]));
    free(dead.body);
    ck_assert(!queues_take(queues, tap, &dead));
}
END_TEST

/* Publishes `count` messages of LOAD_EVENTS events. Each event makes another notification. */
static void publish_load(int count)
{
    static struct auction_event events[LOAD_EVENTS];
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < LOAD_EVENTS; k++) {
            events[k] = event_of(EVENT_OUTBID, bidders[k % BIDDERS]);
            events[k].auction_id = uuid_new();
            events[k].version = i * LOAD_EVENTS + k + 1;
        }
        publish(events, LOAD_EVENTS, 1);
    }
}

START_TEST(a_killed_worker_loses_nothing_and_repeats_nothing)
{
    int64_t notified = 0;
    publish_load(LOAD_MESSAGES);
    for (int i = 0; i < 4; i++) {
        SUITE_WAIT(all_notices() > notified, DEADLINE_MS);
        ck_assert_int_eq(program_end(worker, SIGKILL), -1);
        notified = all_notices();
        worker = program_start("rostrum-notifyworker", config);
        if (notified == LOAD_NOTICES) {
            break;
        }
    }
    wait_until_handled();
    ck_assert_int_eq(all_notices(), LOAD_NOTICES);
}
END_TEST

START_TEST(a_lost_connection_to_postgresql_loses_and_repeats_no_notification)
{
    publish_load(LOAD_MESSAGES / 2);
    SUITE_WAIT(all_notices() > 0, DEADLINE_MS);
    PQclear(sql_rows(sql,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                     "AND application_name = 'rostrum-notifyworker'",
                     NULL));
    wait_until_handled();
    ck_assert_int_eq(all_notices(), HALF_LOAD_NOTICES);
}
END_TEST

/* The figure is printed only, because a loaded machine is no failure. */
START_TEST(its_throughput_is_printed)
{
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    publish_load(LOAD_MESSAGES);
    int64_t began_ms = suite_mono_ms();
    worker = program_start("rostrum-notifyworker", config);
    SUITE_WAIT(all_notices() == LOAD_NOTICES, DEADLINE_MS);
    int64_t took_ms = suite_mono_ms() - began_ms;
    (void)printf("notifications: %d in %" PRId64 " ms, %" PRId64 " a second\n", LOAD_NOTICES, took_ms,
                 INT64_C(1000) * LOAD_NOTICES / (took_ms + 1));
    (void)fflush(stdout);
}
END_TEST

static Suite *notifyworker_suite(void)
{
    Suite *suite = suite_create("notifyworker");
    TCase *tests = tcase_create("notifyworker");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_lost_lead_is_notified_to_the_user_of_the_event);
    tcase_add_test(tests, a_lead_lost_again_is_notified_again);
    tcase_add_test(tests, a_lead_lost_twice_in_one_batch_is_notified_twice);
    tcase_add_test(tests, a_settlement_is_notified_to_seller_winner_and_losers);
    tcase_add_test(tests, an_unsold_auction_is_notified_to_seller_and_losers);
    tcase_add_test(tests, a_bidder_with_only_rejected_bids_is_not_notified);
    tcase_add_test(tests, ending_soon_is_notified_to_bidders);
    tcase_add_test(tests, a_cancellation_is_notified_to_seller_and_bidders_once);
    tcase_add_test(tests, extensions_within_a_minute_notify_each_bidder_once);
    tcase_add_test(tests, merged_extensions_notify_the_latest_end_of_each_auction);
    tcase_add_test(tests, a_new_bidder_is_notified_of_the_next_extension);
    tcase_add_test(tests, a_voided_bid_is_notified_to_its_bidder_the_others_and_the_seller);
    tcase_add_test(tests, a_redelivered_event_notifies_each_user_once);
    tcase_add_test(tests, a_webhook_is_notified_each_event_once);
    tcase_add_test(tests, many_watchers_are_notified_in_pages);
    tcase_add_test(tests, a_bid_without_an_event_is_found_among_many_watched_auctions);
    tcase_add_test(tests, ids_sort_by_the_time_of_the_event);
    tcase_add_test(tests, only_undecodable_messages_go_to_the_dead_letters);
    tcase_add_test(tests, a_too_long_message_is_cut_for_the_dead_letters);
    tcase_add_test(tests, a_batch_that_postgresql_refuses_is_bisected_to_one_message);
    tcase_add_test(tests, a_killed_worker_loses_nothing_and_repeats_nothing);
    tcase_add_test(tests, a_lost_connection_to_postgresql_loses_and_repeats_no_notification);
    tcase_add_test(tests, its_throughput_is_printed);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(notifyworker_suite());
}
