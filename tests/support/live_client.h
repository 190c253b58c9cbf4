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

#endif
