/*
 * Authorization: the status of every route for a guest, a banned user, a bidder, another user, the seller and an admin.
 * The table is complete: it holds each route of the gateway's sources, and each path allows exactly its methods.
 */
#include <glob.h>
#include <stdio.h>

#include "tests/support/admin.h"
#include "tests/support/fixture.h"

enum role { GUEST, BANNED, BIDDER, OTHER, SELLER, ADMIN, ROLES };

static const char *const role_names[ROLES] = {"guest", "banned", "bidder", "other", "seller", "admin"};

enum { LINE_SIZE = 512, PATH_SIZE = 256, ROUTES_MAX = 200 };

#define OPEN_TO_ALL                                                                                                    \
    {                                                                                                                  \
        200, 200, 200, 200, 200, 200                                                                                   \
    }
#define OPTIONAL                                                                                                       \
    {                                                                                                                  \
        200, 403, 200, 200, 200, 200                                                                                   \
    }
#define USERS(status)                                                                                                  \
    {                                                                                                                  \
        401, 403, status, status, status, status                                                                       \
    }
#define ADMINS(status)                                                                                                 \
    {                                                                                                                  \
        401, 403, 403, 403, 403, status                                                                                \
    }

#define API       "/api/v1"
#define AUCTION   API "/auctions/:id"
#define ME        API "/users/me"
#define ADMIN_API API "/admin"

struct rule {
    const char *method;
    const char *pattern; /* as in the gateway's route tables */
    const char *body;    /* NULL: none; '#' becomes another digit for each role, so that amounts differ */
    int expected[ROLES];
};

#define SALE_BODY "{\"flashSaleId\": \"0198aabb-ccdd-7eef-8011-223344556677\", \"quantity\": 1}"

/* In the order of execution: routes that end a session are last. :bidId is the bidder's bid; other ids are unknown. */
static const struct rule rules[] = {
    {"GET", "/health", NULL, OPEN_TO_ALL},
    {"GET", "/ready", NULL, OPEN_TO_ALL},
    {"GET", "/metrics", NULL, {404, 404, 404, 404, 404, 404}}, /* metrics_public is not set */
    {"GET", "/.well-known/jwks.json", NULL, OPEN_TO_ALL},
    {"GET", API "/time", NULL, OPEN_TO_ALL},
    {"GET", API "/openapi.json", NULL, OPEN_TO_ALL},
    {"GET", API "/asyncapi.json", NULL, OPEN_TO_ALL},
    {"POST", API "/auth/register", "{}", {400, 400, 400, 400, 400, 400}},
    {"POST", API "/auth/login", "{}", {400, 400, 400, 400, 400, 400}},
    {"POST", API "/auth/verify-email", "{}", {400, 400, 400, 400, 400, 400}},
    {"POST", API "/auth/verify-email/resend", NULL, USERS(202)},
    {"POST", API "/auth/password-reset", "{}", {400, 400, 400, 400, 400, 400}},
    {"POST", API "/auth/password-reset/confirm", "{}", {400, 400, 400, 400, 400, 400}},
    {"GET", API "/unsubscribe", NULL, {400, 400, 400, 400, 400, 400}},
    {"POST", API "/unsubscribe", NULL, {400, 400, 400, 400, 400, 400}},
    {"GET", "/verify-email", NULL, OPEN_TO_ALL},
    {"GET", "/reset-password", NULL, OPEN_TO_ALL},
    {"GET", API "/auctions", NULL, OPTIONAL},
    {"POST", API "/auctions", "{}", USERS(400)},
    {"GET", AUCTION, NULL, OPTIONAL},
    {"GET", AUCTION "/proxy", NULL, USERS(404)},
    {"DELETE", AUCTION "/proxy", NULL, {401, 403, 404, 404, 403, 404}},
    {"GET", AUCTION "/bids", NULL, OPEN_TO_ALL},
    {"GET", AUCTION "/leaderboard", NULL, OPEN_TO_ALL},
    {"GET", AUCTION "/events", NULL, OPTIONAL},
    {"GET", "/ws", NULL, {426, 403, 426, 426, 426, 426}}, /* a plain GET; live_test.c opens WebSockets */
    {"GET", AUCTION "/bids/:bidId", NULL, {401, 403, 200, 404, 404, 200}},
    {"DELETE", AUCTION "/bids/:bidId", NULL, {401, 403, 204, 404, 404, 404}},
    {"POST", AUCTION "/bids", "{\"amount\": 2#.00}", {401, 403, 202, 202, 403, 202}},
    {"POST", AUCTION "/proxy", "{\"maxAmount\": 3#.00}", {401, 403, 202, 202, 403, 202}},
    {"POST", AUCTION "/buy-now", NULL, {401, 403, 202, 202, 403, 202}},
    {"PUT", AUCTION, "{\"version\": 1}", {401, 403, 403, 403, 409, 403}},
    {"DELETE", AUCTION, NULL, {401, 403, 403, 403, 409, 403}},
    {"POST", AUCTION "/publish", NULL, {401, 403, 403, 403, 409, 403}},
    {"POST", API "/queue/join", SALE_BODY, {401, 403, 404, 404, 404, 404}},
    {"DELETE", API "/queue/leave", NULL, {401, 400, 400, 400, 400, 400}}, /* the sale is a parameter */
    {"POST", API "/orders", SALE_BODY, {401, 403, 404, 404, 404, 404}},
    {"GET", API "/queue/position", NULL, USERS(400)}, /* the sale is a parameter */
    {"GET", API "/orders", NULL, USERS(200)},
    {"GET", API "/orders/:id", NULL, USERS(404)},
    {"POST", API "/orders/:id/confirm", NULL, USERS(404)},
    {"POST", API "/orders/:id/cancel", NULL, USERS(404)},
    {"POST", API "/payments/callback", "{}", {400, 400, 400, 400, 400, 400}}, /* signed; nobody is logged in */
    {"POST", API "/auctions/quote", "{}", {400, 400, 400, 400, 400, 400}},
    {"POST", AUCTION "/images", "{}", {401, 403, 403, 403, 415, 403}}, /* the seller is known before the body */
    {"DELETE", AUCTION "/images/:imageId", NULL, {401, 403, 403, 403, 409, 404}},
    {"GET", "/images/:file", NULL, {404, 404, 404, 404, 404, 404}},
    {"POST", API "/items", "{}", USERS(400)},
    {"GET", API "/items", NULL, USERS(200)},
    {"GET", API "/items/:id", NULL, {401, 403, 404, 404, 200, 200}},
    {"GET", API "/products", NULL, OPTIONAL},
    {"POST", API "/products", "{}", ADMINS(400)},
    {"GET", API "/products/:id", NULL, {404, 403, 404, 404, 404, 404}},
    {"PUT", API "/products/:id", "{\"version\": 1}", ADMINS(404)},
    {"POST", API "/products/:id/images", "{}", ADMINS(404)}, /* the product is looked up before the body */
    {"DELETE", API "/products/:id/images/:imageId", NULL, ADMINS(404)},
    {"GET", API "/flash-sales", NULL, OPTIONAL},
    {"POST", API "/flash-sales", "{}", ADMINS(400)},
    {"GET", API "/flash-sales/:id", NULL, {404, 403, 404, 404, 404, 404}},
    {"GET", API "/flash-sales/:id/events", NULL, {404, 403, 404, 404, 404, 404}},
    {"GET", API "/flash-sales/:id/queue-position", NULL, USERS(404)},
    {"PUT", API "/flash-sales/:id", "{\"version\": 1}", ADMINS(404)},
    {"POST", API "/flash-sales/:id/extend", "{}", ADMINS(400)},
    {"POST", API "/flash-sales/:id/close", "{\"reason\": \"none\"}", ADMINS(404)},
    {"POST", API "/flash-sales/:id/cancel", "{\"reason\": \"none\"}", ADMINS(404)},
    {"GET", ME, NULL, USERS(200)},
    {"PATCH", ME, "{}", USERS(200)},
    {"GET", ME "/export", NULL, USERS(200)},
    {"POST", ME "/erasure", "{}", USERS(400)}, /* erasure_test.c erases accounts */
    {"GET", ME "/bids", NULL, USERS(200)},
    {"GET", ME "/auctions", NULL, USERS(200)},
    {"GET", ME "/notifications", NULL, USERS(200)},
    {"GET", ME "/notifications/count", NULL, USERS(200)},
    {"POST", ME "/notifications/read", "{\"all\": true}", USERS(204)},
    {"GET", ME "/sessions", NULL, USERS(200)},
    {"DELETE", ME "/sessions/:id", NULL, USERS(404)},
    {"GET", ME "/watchlist", NULL, USERS(200)},
    {"POST", ME "/watchlist", "{}", USERS(400)},
    {"DELETE", ME "/watchlist/:id", NULL, USERS(404)},
    {"GET", ME "/webhooks", NULL, USERS(200)},
    {"POST", ME "/webhooks", "{}", USERS(400)},
    {"GET", ME "/webhooks/:id", NULL, USERS(404)},
    {"PATCH", ME "/webhooks/:id", "{}", USERS(404)},
    {"DELETE", ME "/webhooks/:id", NULL, USERS(404)},
    {"POST", ME "/webhooks/:id/secret", NULL, USERS(404)},
    {"POST", ME "/webhooks/:id/test", NULL, USERS(404)},
    {"GET", ME "/webhooks/:id/deliveries", NULL, USERS(404)},
    {"POST", ME "/webhooks/:id/deliveries/:deliveryId/redeliver", NULL, USERS(404)},
    {"GET", ADMIN_API "/webhooks", NULL, ADMINS(200)},
    {"POST", ADMIN_API "/webhooks", "{}", ADMINS(400)},
    {"GET", ADMIN_API "/webhooks/:id", NULL, ADMINS(404)},
    {"PATCH", ADMIN_API "/webhooks/:id", "{}", ADMINS(404)},
    {"DELETE", ADMIN_API "/webhooks/:id", NULL, ADMINS(404)},
    {"POST", ADMIN_API "/webhooks/:id/secret", NULL, ADMINS(404)},
    {"POST", ADMIN_API "/webhooks/:id/test", NULL, ADMINS(404)},
    {"GET", ADMIN_API "/webhooks/:id/deliveries", NULL, ADMINS(404)},
    {"POST", ADMIN_API "/webhooks/:id/deliveries/:deliveryId/redeliver", NULL, ADMINS(404)},
    {"GET", ADMIN_API "/auctions", NULL, ADMINS(200)},
    {"PUT", ADMIN_API "/auctions/:id", "{}", ADMINS(400)},
    {"POST", ADMIN_API "/auctions/:id/bids/:bidId/void", "{\"reason\": \"none\"}", ADMINS(404)},
    {"GET", ADMIN_API "/users", NULL, ADMINS(200)},
    {"GET", ADMIN_API "/auctions/:id/bids", NULL, ADMINS(404)},
    {"GET", ADMIN_API "/users/:id", NULL, ADMINS(404)},
    {"GET", ADMIN_API "/users/:id/bids", NULL, ADMINS(404)},
    {"GET", ADMIN_API "/users/:id/shared-addresses", NULL, ADMINS(404)},
    {"PUT", ADMIN_API "/users/:id/role", "{\"role\": \"user\", \"reason\": \"none\"}", ADMINS(404)},
    {"POST", ADMIN_API "/users/:id/ban", "{\"reason\": \"none\"}", ADMINS(404)},
    {"POST", ADMIN_API "/users/:id/unban", "{\"reason\": \"none\"}", ADMINS(404)},
    {"GET", ADMIN_API "/audit-logs", NULL, ADMINS(200)},
    {"GET", ADMIN_API "/stats", NULL, ADMINS(200)},
    {"GET", ADMIN_API "/refunds", NULL, ADMINS(200)},
    {"POST", ADMIN_API "/refunds/:id/refunded", "{\"reason\": \"x\"}", ADMINS(404)},
    {"GET", ADMIN_API "/dead-letters", NULL, ADMINS(200)},
    {"GET", ADMIN_API "/dead-letters/:id", NULL, ADMINS(404)},
    {"POST", ADMIN_API "/dead-letters/:id/requeue", NULL, ADMINS(404)},
    {"DELETE", ADMIN_API "/dead-letters/:id", NULL, ADMINS(404)},
    {"POST", API "/auth/refresh", NULL, USERS(200)},
    {"POST", API "/auth/logout", NULL, USERS(204)},
    {"DELETE", ME "/sessions", NULL, {401, 403, 401, 401, 401, 401}}, /* logged out; sessions_test.c ends sessions */
};

static struct factory_user banned;
static struct factory_user admin;
static char bid[UUID_TEXT_SIZE];
static char item[UUID_TEXT_SIZE]; /* of the seller */

static void setup(void)
{
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    ck_assert(factory_user(fixture.client, &banned, "Mallory"));
    EXPECT_STATUS(admin_ban(fixture.client, &admin, banned.id), 200);
    const struct reply *reply = factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00");
    EXPECT_STATUS(reply, 200);
    (void)snprintf(bid, sizeof(bid), "%s", reply_text(reply, "bidId"));
    reply = fixture_call(&fixture.seller, "POST", API "/items", "{\"title\": \"A chair\"}");
    EXPECT_STATUS(reply, 201);
    (void)snprintf(item, sizeof(item), "%s", reply_text(reply, "id"));
}

static const struct factory_user *user_of(enum role role)
{
    const struct factory_user *const users[ROLES] = {
        [GUEST] = NULL,         [BANNED] = &banned,         [BIDDER] = &fixture.ann,
        [OTHER] = &fixture.bob, [SELLER] = &fixture.seller, [ADMIN] = &admin,
    };
    return users[role];
}

/* Replaces the parameters of the pattern by the id of the auction, the bid or the item, or by an unknown id. */
static void fill_path(const char *pattern, char path[static PATH_SIZE])
{
    static const char unknown_id[] = "01890000-0000-7000-8000-000000000000";
    size_t length = 0;
    bool is_auction = strncmp(pattern, AUCTION, strlen(AUCTION)) == 0;
    const char *other = strncmp(pattern, API "/items/", strlen(API "/items/")) == 0 ? item : unknown_id;
    for (size_t parameter = 0; *pattern != '\0'; pattern += strcspn(pattern, ":")) {
        if (*pattern == ':') {
            const char *id = !is_auction ? other : parameter == 0 ? fixture.auction : bid;
            length += (size_t)snprintf(path + length, PATH_SIZE - length, "%s", id);
            pattern += strcspn(pattern, "/");
            parameter++;
        }
        length += (size_t)snprintf(path + length, PATH_SIZE - length, "%.*s", (int)strcspn(pattern, ":"), pattern);
    }
}

static void check_rule(const struct rule *rule, enum role role)
{
    char path[PATH_SIZE];
    char body[LINE_SIZE];
    fill_path(rule->pattern, path);
    if (rule->body != NULL) {
        (void)snprintf(body, sizeof(body), "%s", rule->body);
        char *number = strchr(body, '#');
        if (number != NULL) {
            *number = (char)('0' + (int)role);
        }
    }
    /* HEAD, because an event stream does not end. */
    const char *method = strstr(rule->pattern, "/events") != NULL ? "HEAD" : rule->method;
    const struct reply *reply = fixture_call(user_of(role), method, path, rule->body == NULL ? NULL : body);
    ck_assert_msg(reply->status == rule->expected[role], "%s %s as %s: expected %d, " EXPECT_GOT, rule->method,
                  rule->pattern, role_names[role], rule->expected[role], reply->status, reply->body);
}

START_TEST(each_role_gets_the_status_of_the_table)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        for (int role = 0; role < ROLES; role++) {
            check_rule(&rules[i], (enum role)role);
        }
    }
}
END_TEST

static bool is_in_table(const char *method, const char *pattern)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strcmp(rules[i].method, method) == 0 && strcmp(rules[i].pattern, pattern) == 0) {
            return true;
        }
    }
    return false;
}

/* Counts the routes of one source file: lines of the form `{METHOD_GET, ROUTE_USER, "/path", …`. */
static size_t read_routes(const char *path)
{
    char line[LINE_SIZE];
    size_t count = 0;
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    while (fgets(line, sizeof(line), file) != NULL) {
        char method[16];
        char pattern[PATH_SIZE];
        const char *begin = strstr(line, "{METHOD_"); /* some tables number their routes */
        if (begin != NULL && sscanf(begin, "{METHOD_%15[A-Z], ROUTE_%*[A-Z], \"%255[^\"]\"", method, pattern) == 2) {
            ck_assert_msg(is_in_table(method, pattern), "%s: %s %s is missing in the table of roles_test.c", path,
                          method, pattern);
            count++;
        }
    }
    (void)fclose(file);
    return count;
}

START_TEST(every_route_of_the_sources_is_in_the_table)
{
    size_t count = 0;
    glob_t sources;
    ck_assert_int_eq(glob("gateway/*.c", 0, NULL, &sources), 0);
    (void)glob("gateway/*/*.c", GLOB_APPEND, NULL, &sources);
    for (size_t i = 0; i < sources.gl_pathc; i++) {
        count += read_routes(sources.gl_pathv[i]);
    }
    globfree(&sources);
    ck_assert_uint_eq(count, ARRAY_LEN(rules));
}
END_TEST

START_TEST(each_path_allows_only_the_methods_of_the_table)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        fill_path(rules[i].pattern, path);
        EXPECT_STATUS(fixture_call(NULL, "OPTIONS", path, NULL), 204);
        char allow[LINE_SIZE];
        (void)snprintf(allow, sizeof(allow), "%s", client_reply_header(fixture.client, "Allow"));
        for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
            bool allowed = strstr(allow, client_format(", %s", methods[k])) != NULL;
            ck_assert_msg(allowed == is_in_table(methods[k], rules[i].pattern), "%s allows %s", rules[i].pattern,
                          allow);
            if (!allowed) {
                EXPECT_ERROR(fixture_call(&admin, methods[k], path, NULL), 405, "METHOD_NOT_ALLOWED");
            }
        }
    }
}
END_TEST

START_TEST(unknown_paths_are_404_for_every_role)
{
    static const char *const paths[] = {"/",
                                        API,
                                        API "/",
                                        ADMIN_API,
                                        ADMIN_API "/",
                                        ADMIN_API "/users/",
                                        API "/users",
                                        "/metrics",
                                        ME "/../me",
                                        API "//time",
                                        ADMIN_API "/deployment-keys",
                                        "/api/v2/time",
                                        API "/time/"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (int role = 0; role < ROLES; role++) {
            EXPECT_ERROR(fixture_call(user_of((enum role)role), "GET", paths[i], NULL), 404, "NOT_FOUND");
        }
    }
}
END_TEST

static Suite *roles_suite(void)
{
    Suite *suite = suite_create("roles");
    TCase *tcase = tcase_create("roles");
    tcase_add_checked_fixture(tcase, setup, fixture_teardown);
    tcase_add_test(tcase, each_role_gets_the_status_of_the_table);
    tcase_add_test(tcase, every_route_of_the_sources_is_in_the_table);
    tcase_add_test(tcase, each_path_allows_only_the_methods_of_the_table);
    tcase_add_test(tcase, unknown_paths_are_404_for_every_role);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(roles_suite());
}
