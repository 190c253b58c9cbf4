/*
 * See factory.h. Each email address contains a new id, so that tests do not share users.
 */
#include "tests/support/factory.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

enum { FACTORY_HOUR_MS = 3600 * 1000 };

static bool factory_expect(const struct reply *reply, int status, const char *what)
{
    if (reply->status == status) {
        return true;
    }
    (void)fprintf(stderr, "%s: expected %d, got %d %s\n", what, status, reply->status, reply->body);
    return false;
}

bool factory_log_in(struct client *client, struct factory_user *user)
{
    const char *body = client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", user->email);
    client_token(client, NULL);
    const struct reply *reply = client_call(client, "POST", "/api/v1/auth/login", body);
    if (!factory_expect(reply, 200, "login")) {
        return false;
    }
    (void)snprintf(user->token, sizeof(user->token), "%s", reply_text(reply, "accessToken"));
    const char *cookie = client_reply_header(client, "Set-Cookie");
    const char *session = strchr(cookie, '=');
    if (session != NULL) {
        (void)snprintf(user->session, sizeof(user->session), "%.*s", (int)strcspn(session + 1, ";"), session + 1);
    }
    return session != NULL;
}

bool factory_user(struct client *client, struct factory_user *user, const char *display_name)
{
    char unique[UUID_TEXT_SIZE];
    struct uuid id = uuid_new();
    uuid_format(&id, unique);
    (void)snprintf(user->email, sizeof(user->email), "%s@example.org", unique);
    client_token(client, NULL);
    const char *body =
        client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\", \"displayName\": \"%s\"}",
                      user->email, display_name);
    const struct reply *reply = client_call(client, "POST", "/api/v1/auth/register", body);
    if (!factory_expect(reply, 201, "register")) {
        return false;
    }
    (void)snprintf(user->id, sizeof(user->id), "%s", reply_text(reply, "user.id"));
    return factory_log_in(client, user);
}

bool factory_auction(struct client *client, const struct factory_user *seller, const struct factory_terms *terms,
                     char id[static UUID_TEXT_SIZE])
{
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_now_ms();
    clock_format(now_ms + terms->starts_in_ms, start);
    clock_format(now_ms + (terms->lasts_ms > 0 ? terms->lasts_ms : FACTORY_HOUR_MS), end);
    const char *start_member = terms->starts_in_ms > 0 ? client_format(", \"startTime\": \"%s\"", start) : "";
    const char *body = client_format("{\"title\": \"%s\", \"startingPrice\": %s, \"endTime\": \"%s\"%s%s%s}",
                                     terms->title != NULL ? terms->title : "A chair",
                                     terms->starting_price != NULL ? terms->starting_price : "10.00", end, start_member,
                                     terms->more != NULL ? ", " : "", terms->more != NULL ? terms->more : "");
    client_token(client, seller->token);
    const struct reply *reply = client_call(client, "POST", "/api/v1/auctions", body);
    if (!factory_expect(reply, 201, "list an auction")) {
        return false;
    }
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "id"));
    return true;
}

static const struct reply *factory_offer(struct client *client, const struct factory_user *bidder, const char *path,
                                         const char *body)
{
    client_token(client, bidder->token);
    client_header(client, "Prefer: wait=10");
    return client_call(client, "POST", path, body);
}

const struct reply *factory_bid(struct client *client, const struct factory_user *bidder, const char *auction,
                                const char *amount)
{
    return factory_offer(client, bidder, client_format("/api/v1/auctions/%s/bids", auction),
                         client_format("{\"amount\": %s}", amount));
}

const struct reply *factory_proxy(struct client *client, const struct factory_user *bidder, const char *auction,
                                  const char *maximum)
{
    return factory_offer(client, bidder, client_format("/api/v1/auctions/%s/proxy", auction),
                         client_format("{\"maxAmount\": %s}", maximum));
}

const struct reply *factory_get_auction(struct client *client, const struct factory_user *who, const char *auction)
{
    client_token(client, who != NULL ? who->token : NULL);
    return client_call(client, "GET", client_format("/api/v1/auctions/%s", auction), NULL);
}

bool factory_has_status(struct client *client, const char *auction, const char *status)
{
    return strcmp(reply_text(factory_get_auction(client, NULL, auction), "status"), status) == 0;
}

int factory_notifications(struct client *client, const struct factory_user *who, const char *auction, const char *kind)
{
    client_token(client, who->token);
    const struct reply *reply = client_call(client, "GET", "/api/v1/users/me/notifications?limit=100", NULL);
    int count = reply_count(reply, "items");
    if (reply->status != 200 || count < 0) {
        return -1;
    }
    int found = 0;
    for (int i = 0; i < count; i++) {
        found += strcmp(reply_text(reply, client_format("items.%d.kind", i)), kind) == 0 &&
                 strcmp(reply_text(reply, client_format("items.%d.auctionId", i)), auction) == 0;
    }
    return found;
}
