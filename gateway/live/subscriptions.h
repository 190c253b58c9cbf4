/*
 * What a WebSocket's client watches: the commands subscribe and unsubscribe for auctions, inventory:watch and
 * inventory:unwatch for flash sales. A client has at most live_subscriptions_max of both together. To a user, a watched
 * sale also brings the place in its line (positions.h).
 *
 * Callers: commands.c, routed_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_SUBSCRIPTIONS_H
#define ROSTRUM_GATEWAY_LIVE_SUBSCRIPTIONS_H

#include "common/protocol/sale_message.h"
#include "gateway/live/command.h"

void subscriptions_subscribe(struct websocket *websocket, const struct client_message *command);
void subscriptions_unsubscribe(struct websocket *websocket, const struct client_message *command);
void subscriptions_watch(struct websocket *websocket, const struct client_message *command);
void subscriptions_unwatch(struct websocket *websocket, const struct client_message *command);

/* For queue:join: whether the sale is, or may be, watched. False after answering the command. */
MUST_CHECK bool subscriptions_may_join(struct websocket *websocket, const struct uuid *sale, const char *command_id);
/* Begins to watch the sale, unless it is watched. Its state is sent as an update. */
void subscriptions_join(struct websocket *websocket, const struct uuid *sale);

/* Called first, and last. */
void subscriptions_begin(struct websocket *websocket);
void subscriptions_end(struct websocket *websocket);
/* The client reads again: sends the present state where updates were skipped. */
void subscriptions_catch_up(struct websocket *websocket);
/* The client is another user now, or a guest: follows that user's places only. */
void subscriptions_follow(struct websocket *websocket);
/* A decision on a command of the user, in whichever sale. */
void subscriptions_decided(struct websocket *websocket, const struct sale_message_decision *decision);

#endif
