/*
 * A flash sale for tests of live updates without a sale worker: the test writes its rows by SQL, and publishes what the
 * sale worker publishes after COMMIT. Needs a fixture.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_PUBLISHED_SALE_H
#define ROSTRUM_TESTS_SUPPORT_PUBLISHED_SALE_H

#include "common/protocol/sale_live.h"
#include "common/protocol/sale_message.h"
#include "tests/support/live_client.h"

struct published_sale {
    char id[UUID_TEXT_SIZE];
    struct sale_live now; /* of the next version, until it is committed */
    int64_t seq;          /* of the newest place */
};

/* Makes an active sale of 100 units, in version 1. */
void published_sale_make(struct published_sale *sale);
/* Adds a waiting place of this user, as part of the next version. Returns its seq. */
int64_t published_sale_join(struct published_sale *sale, const char *user);
/* Changes the status of a place that waits, as part of the next version. In a turn: for a unit, until `expires_ms`. */
void published_sale_turn(struct published_sale *sale, int64_t seq, int64_t expires_ms);
void published_sale_leave(struct published_sale *sale, int64_t seq);
/* Commits the next version. Its message is lost if `lost`. */
void published_sale_commit(struct published_sale *sale, bool lost);
/*
 * Takes the last committed version back, in which only the place `seq` was left. A promoted standby that lacks it does
 * so: another epoch begins for the gateways, and no session of a user ends.
 */
void published_sale_restore(struct published_sale *sale, int64_t seq);
/* Gives the gateways back the epoch that the other programs still have, for the tests that use the deployment next. */
void published_sale_end_restore(void);
/* Publishes the decision to its user. Its sale is set. */
void published_sale_decide(const struct published_sale *sale, const char *user, struct sale_message_decision decision);
/* Publishes any text on the sale's channel. */
void published_sale_say(const struct published_sale *sale, const char *text);

/* The id of a user who does not exist, valid until the next call. */
const char *published_sale_user(void);
/* The next position at the socket, which must be this one. */
const struct json *published_sale_position(const struct published_sale *sale, struct websocket *socket,
                                           int64_t position);
/* The next position, which may follow others of versions before. */
void published_sale_await_position(struct websocket *socket, int64_t position);

#endif
