/*
 * gateway/http/router: the route of a path, its parameters, and the allowed methods of a 405. Also the table of error
 * codes.
 */
#include "common/service/config.h"
#include "gateway/http/errors.h"
#include "gateway/http/router.h"
#include "tests/support/suite.h"

#include <string.h>

#define ID    "01020304-0506-0708-090a-0b0c0d0e0f10"
#define OTHER "11111111-2222-3333-4444-555555555555"

static void handle_nothing(struct request *request)
{
    (void)request;
}

static const struct route one[] = {
    {METHOD_GET, ROUTE_OPEN, "/health", handle_nothing, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_OPEN, "/api/v1/auctions/:id/bids", handle_nothing, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_BID, "/api/v1/auctions/:id/bids", handle_nothing, LIMIT_BIDS, ROUTE_JSON_BODY, NULL},
    {0},
};
static const struct route two[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/auctions/:id/bids/:bidId", handle_nothing, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_PATCH, ROUTE_USER, "/api/v1/users/me", handle_nothing, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
static int context_of_one;
static int context_of_two;
static const struct router_table tables[] = {{one, &context_of_one}, {two, &context_of_two}, {NULL, NULL}};

static struct router *router;
static struct router_match match;

static void set_up(void)
{
    router = router_new(tables);
    ck_assert_ptr_nonnull(router);
}

static void tear_down(void)
{
    router_free(router);
}

static enum router_result find(enum method method, const char *path)
{
    return router_find(router, method, path, strlen(path), &match);
}

START_TEST(a_path_and_a_method_find_their_route)
{
    ck_assert_int_eq(find(METHOD_GET, "/health"), ROUTER_FOUND);
    ck_assert_ptr_eq(match.route, &one[0]);
    ck_assert_int_eq(find(METHOD_POST, "/api/v1/auctions/" ID "/bids"), ROUTER_FOUND);
    ck_assert_ptr_eq(match.route, &one[2]);
    ck_assert_int_eq(find(METHOD_PATCH, "/api/v1/users/me"), ROUTER_FOUND);
    ck_assert_ptr_eq(match.route, &two[1]);
}
END_TEST

START_TEST(a_route_comes_with_the_context_of_its_table)
{
    ck_assert_int_eq(find(METHOD_GET, "/health"), ROUTER_FOUND);
    ck_assert_ptr_eq(match.context, &context_of_one);
    ck_assert_int_eq(find(METHOD_PATCH, "/api/v1/users/me"), ROUTER_FOUND);
    ck_assert_ptr_eq(match.context, &context_of_two);
}
END_TEST

START_TEST(parameters_are_in_the_order_of_the_path)
{
    char text[UUID_TEXT_SIZE];
    ck_assert_int_eq(find(METHOD_GET, "/api/v1/auctions/" ID "/bids/" OTHER), ROUTER_FOUND);
    uuid_format(&match.parameters[0], text);
    ck_assert_str_eq(text, ID);
    uuid_format(&match.parameters[1], text);
    ck_assert_str_eq(text, OTHER);
}
END_TEST

START_TEST(a_wrong_method_lists_the_allowed_ones)
{
    ck_assert_int_eq(find(METHOD_DELETE, "/api/v1/auctions/" ID "/bids"), ROUTER_NO_METHOD);
    ck_assert_uint_eq(match.allowed, 1U << METHOD_GET | 1U << METHOD_POST);
    /* METHOD_COUNT is no method, so the router lists all allowed ones. */
    ck_assert_int_eq(find(METHOD_COUNT, "/health"), ROUTER_NO_METHOD);
    ck_assert_uint_eq(match.allowed, 1U << METHOD_GET);
}
END_TEST

START_TEST(unknown_paths_and_malformed_ids_are_not_found)
{
    static const char *const wrong[] = {"",
                                        "/",
                                        "health",
                                        "/health/",
                                        "//health",
                                        "/Health",
                                        "/health/x",
                                        "/api/v1/auctions/x/bids",
                                        ("/api/v1/auctions/" ID "0/bids"),
                                        "/api/v1/auctions//bids",
                                        ("/api/v1/auctions/" ID "/bids/"),
                                        "/a/b/c/d/e/f/g/h/i/j/k"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(find(METHOD_GET, wrong[i]) == ROUTER_NO_PATH, "%s was found", wrong[i]);
    }
}
END_TEST

START_TEST(every_error_has_its_entry)
{
    for (int i = 0; i < ERROR_COUNT; i++) {
        const struct error_entry *entry = errors_entry((enum error_code)i);
        ck_assert_int_ge(entry->status, 400);
        ck_assert_str_ne(entry->message, "");
    }
    for (int i = RULES_NONE + 1; i < RULES_REASON_COUNT; i++) {
        enum error_code code = errors_of_reason((enum rules_reason)i);
        /* The code of another text: what a withdrawal does not find is a resource of HTTP. */
        const char *text = i == RULES_NO_MAXIMUM ? "NOT_FOUND" : rules_reason_text((enum rules_reason)i);
        ck_assert_str_eq(errors_entry(code)->code, text);
    }
    ck_assert_int_eq(errors_of_reason(RULES_NONE), ERROR_INTERNAL_ERROR);
    ck_assert_int_eq(errors_of_reason(RULES_NO_MAXIMUM), ERROR_NO_MAXIMUM);
    ck_assert_int_eq(errors_of_status(413), ERROR_BODY_TOO_LARGE);
    ck_assert_int_eq(errors_of_status(400), ERROR_BAD_REQUEST);
}
END_TEST

START_TEST(a_raw_answer_is_a_complete_response)
{
    static char long_origin[CONFIG_TEXT_SIZE];
    char text[ERRORS_RAW_SIZE];
    const struct answer_headers headers = {.confidential = true, .cors = true, .origin = "https://shop.example"};
    size_t length = errors_raw(ERROR_UNAVAILABLE, 0, &headers, text);
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_ptr_nonnull(strstr(text, "HTTP/1.1 503 Service Unavailable\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "Retry-After: 1\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\"error\":\"UNAVAILABLE\""));
    ck_assert_ptr_nonnull(strstr(text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nCache-Control: private, no-store\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nVary: Authorization, Cookie, Origin\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "\r\nAccess-Control-Allow-Origin: https://shop.example\r\n"));
    /* The longest error fits as well, with the longest origin. */
    memset(long_origin, 'x', sizeof(long_origin) - 1);
    const struct answer_headers longest = {.confidential = true, .cors = true, .origin = long_origin};
    for (int i = 0; i < ERROR_COUNT; i++) {
        ck_assert_uint_lt(errors_raw((enum error_code)i, INT64_MAX, &longest, text), sizeof(text));
    }
}
END_TEST

START_TEST(a_route_declares_its_query_parameters)
{
    static const struct route route = {METHOD_GET, ROUTE_OPEN,    "/a",     handle_nothing,
                                       LIMIT_NONE, ROUTE_NO_BODY, "limit q"};
    static const char *const unknown[] = {"", "lim", "limits", "imit", "t q", "Q", "limit q"};
    ck_assert(route_has_parameter(&route, "limit", 5) && route_has_parameter(&route, "q=1", 1));
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        ck_assert_msg(!route_has_parameter(&route, unknown[i], strlen(unknown[i])), "%s", unknown[i]);
    }
    ck_assert(!route_has_parameter(&one[0], "limit", 5));
}
END_TEST

static Suite *router_suite(void)
{
    Suite *suite = suite_create("gateway router");
    TCase *tcase = tcase_create("router");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_route_declares_its_query_parameters);
    tcase_add_test(tcase, a_path_and_a_method_find_their_route);
    tcase_add_test(tcase, a_route_comes_with_the_context_of_its_table);
    tcase_add_test(tcase, parameters_are_in_the_order_of_the_path);
    tcase_add_test(tcase, a_wrong_method_lists_the_allowed_ones);
    tcase_add_test(tcase, unknown_paths_and_malformed_ids_are_not_found);
    tcase_add_test(tcase, every_error_has_its_entry);
    tcase_add_test(tcase, a_raw_answer_is_a_complete_response);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(router_suite());
}
