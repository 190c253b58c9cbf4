/*
 * Transfers of libcurl on an event base: as many at a time as are started, none of which ever blocks the loop (names
 * are resolved by libcurl's own threads). The caller sets up an easy handle, with a timeout, and gets it back when the
 * transfer has ended, however it ended.
 *
 * Caller: deliveries.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_TRANSFERS_H
#define ROSTRUM_NOTIFYWORKER_TRANSFERS_H

#include <curl/curl.h>
#include <event2/event.h>

#include "common/base/base.h"
#include "notifyworker/transfer_threads.h"

struct transfers;

/* `connections_max` idle connections are kept for the next transfer. NULL only without memory. */
MUST_CHECK struct transfers *transfers_new(struct event_base *base, int connections_max);
/*
 * Each transfer runs in a thread of its own: for SMTP, because libcurl waits for the answer to a mail inside a call
 * (smtp_done), for as long as the server likes, and everything else in the process would wait with it.
 */
MUST_CHECK struct transfers *transfers_new_threaded(struct event_base *base);
/* Transfers under way are cut without a word; their handles must have been freed before by transfers_cancel. */
void transfers_free(struct transfers *transfers);

/* Starts `curl`, whose CURLOPT_PRIVATE is taken. False only without memory; then `done` does not come. */
MUST_CHECK bool transfers_start(struct transfers *transfers, CURL *curl, transfer_done done, void *arg);
/* Ends a transfer that was started and is not done: `done` does not come. */
void transfers_cancel(struct transfers *transfers, CURL *curl);

#endif
