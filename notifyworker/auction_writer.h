/*
 * What events of auctions cause: in-app notifications (recipients.h) and deliveries to the deployment's webhooks
 * (deployment_webhooks.h).
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_AUCTION_WRITER_H
#define ROSTRUM_NOTIFYWORKER_AUCTION_WRITER_H

#include "common/base/base.h"
#include "notifyworker/inapp.h"

struct auction_writer;
struct push;
struct watchers;

extern const struct inapp_writer auction_writer_calls;

/*
 * The pool has recipients_table at the start of its table, and deployment_webhooks_table at `first_of_webhooks`. The
 * auctions of all events are reported to `watchers`. NULL: no memory.
 */
MUST_CHECK struct auction_writer *auction_writer_new(size_t first_of_webhooks, struct push *push,
                                                     struct watchers *watchers);
void auction_writer_free(struct auction_writer *writer);

#endif
