/*
 * The hash of a flash sale's ledger entry: three links of a chain, and each field. The expected hashes were made by
 * another implementation (Python's hashlib).
 */
#include "common/protocol/sale_hash.h"

#include <string.h>

#include "tests/support/suite.h"

#define FIRST_HASH  "f32e0e171c14ecef1acb2b1513312ca4675bf99217da5e7a409cddc65defd4bc"
#define SECOND_HASH "17af4ce34f8710c1f8b7ed95062b439a54a48e2043621d5d84c8650c07e2b169"
#define THIRD_HASH  "a82a4c0d89e1fd01245bf45e9f4c10f897ef182a93ed324ddbf9bb7dfa65ab97"

enum { FIELDS = 15 };

static struct uuid id_of(unsigned char high, unsigned char low)
{
    return (struct uuid){{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, high, low}};
}

static struct sale_row first_row(void)
{
    return (struct sale_row){.seq = 1,
                             .command_id = id_of(0xf1, 0x01),
                             .kind = SALE_COMMAND_JOIN,
                             .verdict = SALE_VERDICT_ACCEPTED,
                             .user_id = id_of(0xf0, 0xa1),
                             .quantity = 2,
                             .place = 1,
                             .received_ms = INT64_C(1792000000123),
                             .decided_ms = INT64_C(1792000000456)};
}

static struct sale_row third_row(void)
{
    return (struct sale_row){.seq = 3,
                             .command_id = id_of(0xf1, 0x02),
                             .kind = SALE_COMMAND_CONFIRM,
                             .verdict = SALE_VERDICT_REJECTED,
                             .reason = SALE_REASON_WRONG_AMOUNT,
                             .paid = true,
                             .user_id = id_of(0xf0, 0xa1),
                             .quantity = 1,
                             .order_id = id_of(0xf1, 0x03),
                             .amount = 1250,
                             .end_ms = INT64_C(1792000009000),
                             .refused_ms = 250,
                             .received_ms = INT64_C(1792000001000),
                             .decided_ms = INT64_C(1792000001500)};
}

START_TEST(a_chain_has_the_hashes_of_another_implementation)
{
    char hash[HASH_CHAIN_TEXT_SIZE];
    struct uuid sale = id_of(0xf0, 0x01);
    struct sale_row first = first_row();
    struct sale_row turn = first_row();
    struct sale_row third = third_row();
    turn.seq = 2;
    turn.command_id = (struct uuid){{0}};
    turn.kind = SALE_COMMAND_NONE;
    turn.received_ms = turn.decided_ms;
    sale_hash("", &sale, &first, hash);
    ck_assert_str_eq(hash, FIRST_HASH);
    sale_hash(hash, &sale, &turn, hash);
    ck_assert_str_eq(hash, SECOND_HASH);
    sale_hash(hash, &sale, &third, hash);
    ck_assert_str_eq(hash, THIRD_HASH);
}
END_TEST

START_TEST(every_field_and_the_hash_before_change_the_hash)
{
    char hash[HASH_CHAIN_TEXT_SIZE];
    struct uuid sale = id_of(0xf0, 0x01);
    struct uuid other = id_of(0xf0, 0x02);
    struct sale_row rows[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        rows[i] = third_row();
    }
    rows[0].seq++;
    rows[1].command_id = other;
    rows[2].kind = SALE_COMMAND_FAIL;
    rows[3].verdict = SALE_VERDICT_ACCEPTED;
    rows[4].reason = SALE_REASON_NONE;
    rows[5].paid = false;
    rows[6].user_id = other;
    rows[7].quantity++;
    rows[8].place++;
    rows[9].order_id = other;
    rows[10].amount++;
    rows[11].end_ms = 0;
    rows[12].refused_ms = 0;
    rows[13].received_ms++;
    rows[14].decided_ms++;
    for (size_t i = 0; i < FIELDS; i++) {
        sale_hash(SECOND_HASH, &sale, &rows[i], hash);
        ck_assert_msg(strcmp(hash, THIRD_HASH) != 0, "field %zu", i);
    }
    rows[0] = third_row();
    sale_hash(SECOND_HASH, &other, &rows[0], hash);
    ck_assert_str_ne(hash, THIRD_HASH);
    sale_hash(FIRST_HASH, &sale, &rows[0], hash);
    ck_assert_str_ne(hash, THIRD_HASH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sale_hash");
    TCase *tcase = tcase_create("hash");
    tcase_add_test(tcase, a_chain_has_the_hashes_of_another_implementation);
    tcase_add_test(tcase, every_field_and_the_hash_before_change_the_hash);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
