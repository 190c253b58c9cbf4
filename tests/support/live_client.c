/*
 * See live_client.h.
 */
#include "tests/support/live_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum { HEADER_SIZE = FACTORY_TOKEN_SIZE + 64 };

struct websocket *live_open(const struct factory_user *who)
{
    char header[HEADER_SIZE] = "";
    if (who != NULL) {
        (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", who->token);
    }
    struct websocket *socket = websocket_open(deployment_http_url(), header);
    ck_assert_ptr_nonnull(socket);
    return socket;
}

const struct json *live_exchange(struct websocket *socket, const char *text, const char *type)
{
    ck_assert(websocket_send_text(socket, text));
    const struct json *answer = websocket_receive(socket, NULL);
    ck_assert_msg(answer != NULL, "no answer to %s", text);
    ck_assert_msg(strcmp(websocket_text(answer, "type"), type) == 0, "%s: expected %s, got %s %s", text, type,
                  websocket_text(answer, "type"), websocket_text(answer, "error"));
    return answer;
}

const struct json *live_subscribe(struct websocket *socket, const char *auction)
{
    return live_exchange(socket, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", auction),
                         "snapshot");
}

const struct json *live_receive(struct websocket *socket, const char *type)
{
    const struct json *message = websocket_receive(socket, type);
    ck_assert_msg(message != NULL, "not received: %s", type != NULL ? type : "anything");
    return message;
}

void live_expect(const struct json *message, const char *name, const char *value)
{
    ck_assert_msg(strcmp(websocket_text(message, name), value) == 0, "expected %s = %s, got %s", name, value,
                  websocket_text(message, name));
}

const char *live_proxy_text(const char *more)
{
    return client_format("{\"type\": \"proxy\", \"auctionId\": \"%s\", \"id\": \"p\"%s}", fixture.auction, more);
}

void live_expect_maximum(const struct factory_user *who, const char *amount)
{
    const struct reply *reply = fixture_call(who, "GET", fixture_path("/proxy"), NULL);
    EXPECT_STATUS(reply, amount == NULL ? 404 : 200);
    if (amount != NULL) {
        EXPECT_TEXT(reply, "maxAmount", amount);
    }
}

void live_expect_number(const struct json *message, const char *name, int64_t value)
{
    live_expect(message, name, client_format("%" PRId64, value));
}
