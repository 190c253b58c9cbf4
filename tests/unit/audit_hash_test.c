/*
 * The hash of a link of the audit log's chain: of the two links that docs/audit.md shows, and of each field. The
 * expected hashes were made by sha256sum.
 */
#include <string.h>

#include "common/protocol/audit_hash.h"
#include "tests/support/suite.h"

#define FIRST_HASH  "ce1aa5df7c4fd3ab72bcbff5927db40720058890cbff68dd99f8392cbafb09e0"
#define SECOND_HASH "6a5d3efbfc03e4e7a7beee2650665a7dc5102e0dfde87176821f185889cc2358"

static const char *const first[AUDIT_HASH_FIELDS] = {
    [AUDIT_HASH_NUMBER] = "1",
    [AUDIT_HASH_SEALED] = "1792000001000",
    [AUDIT_HASH_SEEN] = "731",
    [AUDIT_HASH_FLOOR] = "00000000-0000-0000-0000-000000000000",
    [AUDIT_HASH_ENTRY] = "0199d3a2-c000-7000-8000-00000000e001",
    [AUDIT_HASH_AT] = "1792000000250",
    [AUDIT_HASH_ACTOR] = "01900000-0000-7000-8000-00000000c001",
    [AUDIT_HASH_ACTION] = "LOGIN",
    [AUDIT_HASH_SUBJECT] = "",
    [AUDIT_HASH_REASON] = "",
    [AUDIT_HASH_ADDRESS] = "192.0.2.7",
    [AUDIT_HASH_AGENT] = "curl/8.5.0",
    [AUDIT_HASH_REQUEST] = "r-1",
};

static const char *const second[AUDIT_HASH_FIELDS] = {
    [AUDIT_HASH_NUMBER] = "2",
    [AUDIT_HASH_SEALED] = "1792000002000",
    [AUDIT_HASH_SEEN] = "735",
    [AUDIT_HASH_FLOOR] = "00000000-0000-0000-0000-000000000000",
    [AUDIT_HASH_ENTRY] = "0199d3a2-c3e8-7000-8000-00000000e002",
    [AUDIT_HASH_AT] = "1792000001250",
    [AUDIT_HASH_ACTOR] = "01900000-0000-7000-8000-00000000c001",
    [AUDIT_HASH_ACTION] = "USER_BAN",
    [AUDIT_HASH_SUBJECT] = "01900000-0000-7000-8000-00000000c002",
    [AUDIT_HASH_OLD] = "{\"banned\": false}",
    [AUDIT_HASH_NEW] = "{\"banned\": true}",
    [AUDIT_HASH_REASON] = "Stühle, zweimal",
    [AUDIT_HASH_ADDRESS] = "192.0.2.7",
    [AUDIT_HASH_AGENT] = "curl/8.5.0",
    [AUDIT_HASH_REQUEST] = "r-2",
};

START_TEST(links_have_the_hashes_of_the_documentation)
{
    char hash[HASH_CHAIN_TEXT_SIZE];
    audit_hash("", first, hash);
    ck_assert_str_eq(hash, FIRST_HASH);
    audit_hash(hash, second, hash);
    ck_assert_str_eq(hash, SECOND_HASH);
}
END_TEST

START_TEST(every_field_and_the_hash_before_change_the_hash)
{
    static const char *const others[] = {NULL, "", "other"};
    char hash[HASH_CHAIN_TEXT_SIZE];
    for (size_t field = 0; field < AUDIT_HASH_FIELDS; field++) {
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
            const char *fields[AUDIT_HASH_FIELDS];
            memcpy(fields, second, sizeof fields);
            fields[field] = others[i];
            audit_hash(FIRST_HASH, fields, hash);
            ck_assert_msg(strcmp(hash, SECOND_HASH) != 0, "field %zu", field);
        }
    }
    audit_hash(SECOND_HASH, second, hash);
    ck_assert_str_ne(hash, SECOND_HASH);
    audit_hash("", second, hash);
    ck_assert_str_ne(hash, SECOND_HASH);
}
END_TEST

START_TEST(bytes_that_move_to_the_next_field_change_the_hash)
{
    const char *fields[AUDIT_HASH_FIELDS];
    char hash[HASH_CHAIN_TEXT_SIZE];
    memcpy(fields, second, sizeof fields);
    fields[AUDIT_HASH_ADDRESS] = "192.0.2.7,10:curl/8.5.0";
    fields[AUDIT_HASH_AGENT] = "";
    audit_hash(FIRST_HASH, fields, hash);
    ck_assert_str_ne(hash, SECOND_HASH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit_hash");
    TCase *tcase = tcase_create("hash");
    tcase_add_test(tcase, links_have_the_hashes_of_the_documentation);
    tcase_add_test(tcase, every_field_and_the_hash_before_change_the_hash);
    tcase_add_test(tcase, bytes_that_move_to_the_next_field_change_the_hash);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
