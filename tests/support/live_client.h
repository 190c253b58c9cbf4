/*
 * A client of live messages, for tests with a fixture: it sends commands and expects their answers.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LIVE_CLIENT_H
#define ROSTRUM_TESTS_SUPPORT_LIVE_CLIENT_H

#include "common/base/json.h"
#include "tests/support/factory.h"
#include "tests/support/websocket.h"

/* Connects as this user; NULL: as a guest. */
struct websocket *live_open(const struct factory_user *who);
/* Sends a command. Fails the test unless the next message is of this type, and returns it. */
const struct json *live_exchange(struct websocket *socket, const char *text, const char *type);
const struct json *live_subscribe(struct websocket *socket, const char *auction);
/* As websocket_receive, but fails the test if there is none. */
const struct json *live_receive(struct websocket *socket, const char *type);
void live_expect(const struct json *message, const char *name, const char *value);
/* A proxy command with the id "p" for the fixture's auction; `more` are further members, each after a comma. */
const char *live_proxy_text(const char *more);
/* Fails the test unless this is the user's maximum in the fixture's auction; NULL: none. */
void live_expect_maximum(const struct factory_user *who, const char *amount);

/* Asserts that the member is this number. */
void live_expect_number(const struct json *message, const char *name, int64_t value);

#endif
