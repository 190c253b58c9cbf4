/*
 * Failing allocations: each module reports the failure, frees its memory, and works again afterwards. Each case runs
 * with its first allocation failing, then its second, and so on until a run needs no more. `make asan` detects leaks on
 * these paths.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"
#include "common/rules/sale_set.h"
#include "common/worker/locked_rows.h"
#include "endworker/sent_commands.h"
#include "notifyworker/endpoints.h"
#include "tests/support/batch.h"
#include "tests/support/suite.h"

/* --- an allocator that fails on demand; it replaces libc's for the whole program --- */

#ifdef __SANITIZE_ADDRESS__
#define REAL(function) __interceptor_##function
#else
#define REAL(function) __libc_##function
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);
void REAL(free)(void *bytes);

/* The sanitizer allocates before instrumented code can run. */
#define UNINSTRUMENTED __attribute__((no_sanitize("address")))

static long left = -1; /* allocations that succeed before one fails; -1: all succeed */
static bool failed;
static bool yajl_fails;

/*
 * One failure per run: allocations during the cleanup succeed again. libyajl crashes without memory, so it is left out
 * unless `yajl_fails`.
 */
UNINSTRUMENTED static bool fails(const void *caller)
{
    Dl_info library = {0};
    if (left < 0 || (!yajl_fails && dladdr(caller, &library) != 0 && strstr(library.dli_fname, "libyajl") != NULL)) {
        return false;
    }
    if (left-- > 0) {
        return false;
    }
    failed = true;
    errno = ENOMEM;
    return true;
}

UNINSTRUMENTED void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : REAL(malloc)(size);
}

UNINSTRUMENTED void *calloc(size_t nmemb, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : REAL(calloc)(nmemb, size);
}

UNINSTRUMENTED void *realloc(void *ptr, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : REAL(realloc)(ptr, size);
}

UNINSTRUMENTED void free(void *ptr)
{
    REAL(free)(ptr);
}

/* --- the cases --- */

enum { FAILURES_MAX = 100 };

/* Check allocates as well, so this is called before an assertion. */
static void enough(void)
{
    left = -1;
}

/* False under valgrind, which replaces these functions by its own. */
static bool can_fail(void)
{
    void *(*volatile allocate)(size_t size) = malloc; /* the compiler removes a call of a known malloc */
    left = 0;
    void *bytes = allocate(1);
    enough();
    free(bytes);
    return bytes == NULL;
}

/*
 * Runs `works` with each of its allocations failing once; there must be `least` or more. `works` returns false while
 * one fails, and true at last.
 */
static void expect_failures(bool (*works)(void), long least)
{
    if (!can_fail()) {
        ck_assert(works());
        return;
    }
    for (long before = 0; before < FAILURES_MAX; before++) {
        left = before;
        failed = false;
        bool ok = works();
        enough();
        ck_assert_msg(ok != failed, "allocation %ld", before + 1);
        if (ok) {
            ck_assert_int_ge(before, least);
            return;
        }
    }
    ck_abort_msg("more than %d allocations", FAILURES_MAX);
}

static bool make_batch(void)
{
    struct batch *batch = batch_new(3);
    batch_free(batch);
    return batch != NULL;
}

START_TEST(a_batch_survives_failed_allocations)
{
    expect_failures(make_batch, 7);
}
END_TEST

static struct voids_list list;

static bool make_room(void)
{
    size_t size = list.size;
    bool ok = voids_reserve(&list, 65);
    enough();
    ck_assert_uint_eq(list.size, ok ? 128 : size);
    return ok;
}

START_TEST(a_list_of_bids_survives_failed_allocations)
{
    expect_failures(make_room, 1);
    voids_free(&list);
}
END_TEST

static struct batch *events;

static bool make_outbox_batch(void)
{
    struct outbox_batch outbox_batch = {0};
    bool ok = batch_outbox(&outbox_batch, events);
    enough();
    ck_assert(!ok || outbox_batch.count == 6);
    outbox_batch_free(&outbox_batch);
    ck_assert(outbox_batch.count == 0 && outbox_batch.size == 0 && outbox_batch.rows == NULL &&
              outbox_batch.bodies == NULL);
    return ok;
}

/* For five bids that were set aside and one event, which is more than the first allocation holds. */
START_TEST(the_outbox_batch_survives_failed_allocations)
{
    static struct command commands[5];
    events = batch_new(5);
    ck_assert_ptr_nonnull(events);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        commands[i].kind = COMMAND_BID;
        struct batch_entry *entry = batch_add(events, NULL, &commands[i]);
        entry->work->quarantine = WORK_POISON;
        entry->work->reason = "for a test";
        entry->work->outcome = WORK_DECIDED;
    }
    batch_add_event(events)->kind = EVENT_STARTED;
    expect_failures(make_outbox_batch, 6); /* also 6 copies of texts, but the sanitizer's strdup never fails */
    batch_free(events);
}
END_TEST

static bool read_json(void)
{
    static const char text[] = "{\"a\": [1, \"b\", null, true, {}], \"c\": \"d\"}";
    const char *reason = NULL;
    struct json *root = json_parse(text, strlen(text), &reason);
    enough();
    ck_assert(root != NULL || strcmp(reason, "out of memory") == 0);
    json_free(root);
    return root != NULL;
}

START_TEST(reading_json_survives_failed_allocations)
{
    expect_failures(read_json, 2);
}
END_TEST

static bool read_long_json(void)
{
    static char text[3 * 5000];
    memset(text, 'x', sizeof(text));
    text[0] = '[';
    text[1] = '"';
    text[sizeof(text) - 2] = '"';
    text[sizeof(text) - 1] = ']';
    const char *reason = NULL;
    struct json *root = json_parse(text, sizeof(text), &reason);
    enough();
    ck_assert(root != NULL || strcmp(reason, "out of memory") == 0);
    json_free(root);
    return root != NULL;
}

START_TEST(reading_large_json_survives_failed_allocations)
{
    expect_failures(read_long_json, 3);
}
END_TEST

static bool make_writer(void)
{
    struct jsonw *writer = jsonw_new();
    jsonw_free(writer);
    return writer != NULL;
}

START_TEST(writing_json_survives_failed_allocations)
{
    expect_failures(make_writer, 1);
}
END_TEST

/* The second allocation is libyajl's first one, the only one that it checks. */
START_TEST(a_writer_without_a_generator_is_freed)
{
    if (can_fail()) {
        yajl_fails = true;
        left = 1;
        struct jsonw *writer = jsonw_new();
        enough();
        ck_assert_ptr_null(writer);
    }
}
END_TEST

static bool make_sent(void)
{
    struct sent *sent = sent_new(1);
    sent_free(sent);
    return sent != NULL;
}

static bool make_endpoints(void)
{
    struct endpoints *endpoints = endpoints_new();
    endpoints_free(endpoints);
    return endpoints != NULL;
}

static bool make_locked(void)
{
    enum { AUCTIONS = 9 }; /* more than the first allocation holds */
    struct locked_rows locked = {0};
    struct uuid id = {{AUCTIONS}};
    while (id.bytes[0] > 0 && locked_rows_add(&locked, &id, 1)) {
        id.bytes[0]--;
    }
    enough();
    ck_assert_uint_eq(locked.count, (size_t)AUCTIONS - id.bytes[0]);
    locked_rows_free(&locked);
    ck_assert(locked.count == 0 && locked.size == 0 && locked.items == NULL);
    return id.bytes[0] == 0;
}

START_TEST(the_workers_tables_survive_failed_allocations)
{
    expect_failures(make_locked, 2);
    expect_failures(make_sent, 3);
    expect_failures(make_endpoints, 1);
}
END_TEST

static bool make_sale_set(void)
{
    struct sale_set set = {0};
    struct sale sale = {.terms = {.quantity = 1}};
    struct sale_entry entry = {.seq = 1, .status = SALE_ENTRY_WAITING};
    struct sale_order order = {.seq = 2, .status = SALE_ORDER_RESERVED};
    struct uuid id = {{1}};
    sale_set_begin(&set, &sale, 1, false);
    bool ok = sale_set_add_user(&set, &id, 0) && sale_set_add_entry(&set, &entry) && sale_set_add_order(&set, &order) &&
              sale_set_add_no_order(&set, &id) && sale_set_ready(&set, 64); /* more than the first allocations hold */
    enough();
    ck_assert(set.ready == ok);
    sale_set_free(&set);
    ck_assert(set.entries == NULL && set.rows == NULL && set.user_index.slots == NULL);
    return ok;
}

/* The first row of a set may be that of an order that does not exist. */
static bool make_set_without_order(void)
{
    struct sale_set set = {0};
    struct sale sale = {.terms = {.quantity = 1}};
    struct uuid id = {{1}};
    sale_set_begin(&set, &sale, 1, false);
    bool ok = sale_set_add_no_order(&set, &id);
    enough();
    sale_set_free(&set);
    return ok;
}

START_TEST(the_set_of_a_sale_survives_failed_allocations)
{
    expect_failures(make_sale_set, 14);
    expect_failures(make_set_without_order, 1);
}
END_TEST

static Suite *no_memory_suite(void)
{
    Suite *suite = suite_create("no_memory");
    TCase *tcase = tcase_create("no_memory");
    tcase_add_test(tcase, a_batch_survives_failed_allocations);
    tcase_add_test(tcase, a_list_of_bids_survives_failed_allocations);
    tcase_add_test(tcase, the_outbox_batch_survives_failed_allocations);
    tcase_add_test(tcase, reading_json_survives_failed_allocations);
    tcase_add_test(tcase, reading_large_json_survives_failed_allocations);
    tcase_add_test(tcase, writing_json_survives_failed_allocations);
    tcase_add_test(tcase, a_writer_without_a_generator_is_freed);
    tcase_add_test(tcase, the_workers_tables_survive_failed_allocations);
    tcase_add_test(tcase, the_set_of_a_sale_survives_failed_allocations);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(no_memory_suite());
}
