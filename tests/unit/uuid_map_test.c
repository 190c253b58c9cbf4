/*
 * The table of common/base/uuid_map, compared with an array of values.
 */
#include "common/base/uuid_map.h"

#include "tests/support/suite.h"

enum { IDS = 5000 };

static struct uuid_map map;

static void tear_down(void)
{
    uuid_map_free(&map);
}

/* Each third id differs from its neighbour in the first half only, each other one in the second half only. */
static struct uuid id_of(size_t number)
{
    struct uuid id = {{0}};
    size_t at = number % 3 == 0 ? 0 : 12;
    id.bytes[at] = (uint8_t)(number >> 8);
    id.bytes[at + 1] = (uint8_t)number;
    return id;
}

START_TEST(an_empty_map_has_no_id)
{
    size_t value = 7;
    struct uuid id = id_of(1);
    ck_assert(!uuid_map_get(&map, &id, &value));
    ck_assert_uint_eq(value, 7);
    ck_assert(uuid_map_reserve(&map, 1));
    ck_assert(!uuid_map_get(&map, &id, &value));
    uuid_map_clear(&map);
    ck_assert(!uuid_map_get(&map, &id, &value));
}
END_TEST

START_TEST(every_id_keeps_its_value)
{
    for (size_t i = 1; i <= IDS; i++) {
        struct uuid id = id_of(i);
        if (!uuid_map_reserve(&map, 1)) {
            ck_abort_msg("no memory");
        }
        uuid_map_put(&map, &id, i);
        if (map.count != i || map.size < 2 * i || (map.size & (map.size - 1)) != 0) {
            ck_abort_msg("%zu of %zu slots are used", map.count, map.size);
        }
    }
    for (size_t i = 1; i <= IDS + 100; i++) {
        size_t value = 0;
        struct uuid id = id_of(i);
        bool found = uuid_map_get(&map, &id, &value);
        if (found != (i <= IDS) || (found && value != i)) {
            ck_abort_msg("id %zu has the value %zu", i, value);
        }
    }
}
END_TEST

START_TEST(a_value_can_be_replaced)
{
    struct uuid id = id_of(5);
    size_t value = 0;
    ck_assert(uuid_map_reserve(&map, 1));
    uuid_map_put(&map, &id, 1);
    uuid_map_put(&map, &id, 2);
    ck_assert_uint_eq(map.count, 1);
    ck_assert(uuid_map_get(&map, &id, &value));
    ck_assert_uint_eq(value, 2);
}
END_TEST

START_TEST(a_cleared_map_has_no_id_and_keeps_its_memory)
{
    struct uuid id = id_of(5);
    size_t value = 0;
    ck_assert(uuid_map_reserve(&map, 1000));
    size_t size = map.size;
    ck_assert_uint_eq(size, 2048);
    uuid_map_put(&map, &id, 1);
    uuid_map_clear(&map);
    ck_assert(!uuid_map_get(&map, &id, &value));
    ck_assert_uint_eq(map.count, 0);
    ck_assert(uuid_map_reserve(&map, 1024));
    ck_assert_uint_eq(map.size, size);
    uuid_map_put(&map, &id, 3);
    ck_assert(uuid_map_get(&map, &id, &value));
}
END_TEST

/* The slot of an id in an empty map of this size. */
static size_t first_slot(const struct uuid *id, size_t room)
{
    struct uuid_map alone = {0};
    size_t at = 0;
    ck_assert(uuid_map_reserve(&alone, room));
    uuid_map_put(&alone, id, 1);
    while (!alone.slots[at].used) {
        at++;
    }
    uuid_map_free(&alone);
    return at;
}

/* A search tries every slot: it ends although all even ones, where it begins, are used. */
START_TEST(a_search_ends_in_a_map_that_is_half_full)
{
    enum { ROOM = 32 };
    size_t value = 0;
    ck_assert(uuid_map_reserve(&map, ROOM));
    for (size_t i = 1; map.count < ROOM; i++) {
        struct uuid id = id_of(i);
        if (first_slot(&id, ROOM) % 2 == 0) {
            uuid_map_put(&map, &id, i);
        }
    }
    for (size_t i = IDS; i < IDS + ROOM; i++) {
        struct uuid id = id_of(i);
        ck_assert(!uuid_map_get(&map, &id, &value));
    }
}
END_TEST

START_TEST(a_map_has_a_bound)
{
    struct uuid id = id_of(5);
    ck_assert(!uuid_map_reserve(&map, UUID_MAP_MAX + 1));
    ck_assert(!uuid_map_reserve(&map, SIZE_MAX));
    ck_assert(uuid_map_reserve(&map, 1));
    uuid_map_put(&map, &id, 1);
    ck_assert(!uuid_map_reserve(&map, UUID_MAP_MAX));
    ck_assert_uint_eq(map.count, 1);
    ck_assert(uuid_map_reserve(&map, UUID_MAP_MAX - 1));
    ck_assert_uint_eq(map.size, UINT64_C(2) * UUID_MAP_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uuid_map");
    TCase *tcase = tcase_create("map");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, an_empty_map_has_no_id);
    tcase_add_test(tcase, every_id_keeps_its_value);
    tcase_add_test(tcase, a_value_can_be_replaced);
    tcase_add_test(tcase, a_cleared_map_has_no_id_and_keeps_its_memory);
    tcase_add_test(tcase, a_search_ends_in_a_map_that_is_half_full);
    tcase_add_test(tcase, a_map_has_a_bound);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
