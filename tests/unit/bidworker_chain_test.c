/*
 * The hashes of ledger rows: of a row that docs/ledger.md shows, of each column, and of the rows of a batch. The
 * expected hashes were made by sha256sum.
 */
#include <stdio.h>
#include <string.h>

#include "bidworker/ledger_chain.h"
#include "tests/support/suite.h"

/* The first entry, and the one after it, of the example in docs/ledger.md. */
#define FIRST_HASH  "e147a6f1d9b9a9ed25d054523ed0d1c490a17a0048af63fad8f72ed84e64d774"
#define SECOND_HASH "6c2010010a0bd3831ac9efcfb89ec619adbc1daa0f7b9c4e4998a8ef1a7410c9"

static struct batch *batch;

static struct uuid id_of(const char *text)
{
    struct uuid id;
    ck_assert(uuid_parse(text, strlen(text), &id));
    return id;
}

static void set_up(void)
{
    batch = batch_new(4);
    ck_assert_ptr_nonnull(batch);
    batch->decided_ms = 1792000000250;
}

static void tear_down(void)
{
    batch_free(batch);
}

static struct batch_auction *add_auction(const char *id)
{
    struct batch_auction *auction = &batch->auctions[batch->auction_count++];
    *auction = (struct batch_auction){.id = id_of(id), .found = true};
    return auction;
}

static struct batch_row *add_start(const struct batch_auction *auction, int64_t seq)
{
    struct batch_row *row = batch_add_row(batch);
    row->auction_id = auction->id;
    row->seq = seq;
    row->bid_id = id_of("01900000-0000-7000-8000-00000000b001");
    row->kind = COMMAND_START;
    row->status = BID_ACCEPTED;
    row->received_ms = 1792000000000;
    return row;
}

static struct batch_row *add_bid(const struct batch_auction *auction, int64_t seq)
{
    struct batch_row *row = batch_add_row(batch);
    row->auction_id = auction->id;
    row->seq = seq;
    row->bid_id = id_of("01900000-0000-7000-8000-00000000b002");
    row->bidder_id = id_of("01900000-0000-7000-8000-00000000c001");
    row->kind = COMMAND_PROXY;
    row->status = BID_ACCEPTED;
    row->amount = 5500;
    row->max_amount = 10050;
    row->received_ms = 1792000000123;
    return row;
}

START_TEST(rows_have_the_hashes_of_the_documentation)
{
    struct batch_auction *auction = add_auction("01900000-0000-7000-8000-00000000a001");
    struct batch_row *first = add_start(auction, 1);
    struct batch_row *second = add_bid(auction, 2);
    ledger_chain(batch);
    ck_assert_str_eq(first->hash, FIRST_HASH);
    ck_assert_str_eq(second->hash, SECOND_HASH);
    ck_assert_str_eq(auction->hash, SECOND_HASH);
    ck_assert_int_eq(auction->hash_seq, 2);
}
END_TEST

/* Entries without a hash lie between: of a bid worker of the version before. */
START_TEST(a_chain_continues_from_the_hash_of_the_auctions_row)
{
    struct batch_auction *auction = add_auction("01900000-0000-7000-8000-00000000a001");
    auction->hash_seq = 1;
    (void)snprintf(auction->hash, sizeof auction->hash, "%s", FIRST_HASH);
    struct batch_row *row = add_bid(auction, 2);
    ledger_chain(batch);
    ck_assert_str_eq(row->hash, SECOND_HASH);
}
END_TEST

START_TEST(each_auction_has_a_chain_of_its_own)
{
    struct batch_auction *one = add_auction("01900000-0000-7000-8000-00000000a001");
    struct batch_auction *other = add_auction("01900000-0000-7000-8000-00000000a002");
    struct batch_row *first = add_start(one, 1);
    struct batch_row *second = add_bid(one, 2);
    struct batch_row *foreign = add_start(other, 1);
    ledger_chain(batch);
    ck_assert_str_eq(second->hash, SECOND_HASH);
    ck_assert_str_eq(other->hash, foreign->hash);
    ck_assert_str_ne(first->hash, foreign->hash);
}
END_TEST

/* One change of a row for each column; NULL is another value than any. */
static void change(struct batch_row *row, int column)
{
    const struct uuid other = id_of("01900000-0000-7000-8000-00000000d001");
    switch (column) {
    case 0:
        row->seq = 3;
        break;
    case 1:
        row->bid_id = other;
        break;
    case 2:
        row->bidder_id = other;
        break;
    case 3:
        row->bidder_id = (struct uuid){{0}};
        break;
    case 4:
        row->kind = COMMAND_BUY;
        break;
    case 5:
        row->status = BID_OUTBID;
        break;
    case 6:
        row->reason = RULES_BID_TOO_LOW;
        break;
    case 7:
        row->raise = true;
        break;
    case 8:
        row->amount = 5501;
        break;
    case 9:
        row->amount = 0;
        break;
    case 10:
        row->max_amount = 10051;
        break;
    case 11:
        row->max_amount = 0;
        break;
    case 12:
        row->end_ms = 1;
        break;
    case 13:
        row->voids = other;
        break;
    case 14:
        row->received_ms++;
        break;
    case 15:
        batch->decided_ms++;
        break;
    default:
        row->automatic = true;
        break;
    }
}
enum { CHANGES = 17 };

START_TEST(every_column_changes_the_hash)
{
    struct batch_auction *auction = add_auction("01900000-0000-7000-8000-00000000a001");
    (void)snprintf(auction->hash, sizeof auction->hash, "%s", FIRST_HASH);
    struct batch_row *row = add_bid(auction, 2);
    change(row, _i);
    ledger_chain(batch);
    ck_assert_str_ne(row->hash, SECOND_HASH);
}
END_TEST

static Suite *bidworker_chain_suite(void)
{
    Suite *suite = suite_create("bidworker_chain");
    TCase *tcase = tcase_create("bidworker_chain");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, rows_have_the_hashes_of_the_documentation);
    tcase_add_test(tcase, a_chain_continues_from_the_hash_of_the_auctions_row);
    tcase_add_test(tcase, each_auction_has_a_chain_of_its_own);
    tcase_add_loop_test(tcase, every_column_changes_the_hash, 0, CHANGES);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(bidworker_chain_suite());
}
