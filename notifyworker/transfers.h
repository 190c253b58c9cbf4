/*
 * libcurl transfers on an event base. Any number may run at a time, and none blocks the loop (libcurl resolves names in
 * its own threads). The caller sets up an easy handle, with a timeout, and gets it back when the transfer has ended.
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

/* Keeps up to `connections_max` idle connections for reuse. NULL: no memory. */
MUST_CHECK struct transfers *transfers_new(struct event_base *base, int connections_max);
/*
 * Each transfer runs in its own thread. SMTP needs this, because libcurl waits for the answer to a mail inside a call
 * (smtp_done). That would block the whole process as long as the server does not answer.
 */
MUST_CHECK struct transfers *transfers_new_threaded(struct event_base *base);
/* Ends without callbacks; cancel running transfers with transfers_cancel first. */
void transfers_free(struct transfers *transfers);

/* Starts `curl` and uses its CURLOPT_PRIVATE. False: no memory; `done` is not called. */
MUST_CHECK bool transfers_start(struct transfers *transfers, CURL *curl, transfer_done done, void *arg);
/* Cancels a running transfer: `done` is not called. */
void transfers_cancel(struct transfers *transfers, CURL *curl);

#endif
