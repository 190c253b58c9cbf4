/*
 * Transfers of libcurl, each in a thread of its own, for protocols in which libcurl waits for an answer inside a call:
 * the loop would stand still meanwhile. Results come back through the loop. While a transfer is under way its handle,
 * and whatever the handle's callbacks use, belong to its thread.
 *
 * Caller: transfers.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_TRANSFER_THREADS_H
#define ROSTRUM_NOTIFYWORKER_TRANSFER_THREADS_H

#include <curl/curl.h>
#include <event2/event.h>

#include "common/base/base.h"

struct transfer_threads;

/* The transfer has ended; `curl` is the caller's again. Comes from the loop, once. */
typedef void (*transfer_done)(CURL *curl, CURLcode outcome, void *arg);

/* NULL only without memory or descriptors. */
MUST_CHECK struct transfer_threads *transfer_threads_new(struct event_base *base);
/* All transfers must have ended or been cancelled. */
void transfer_threads_free(struct transfer_threads *threads);

/* As transfers_start and transfers_cancel; the latter waits for the thread, up to a second. */
MUST_CHECK bool transfer_threads_start(struct transfer_threads *threads, CURL *curl, transfer_done done, void *arg);
void transfer_threads_cancel(struct transfer_threads *threads, CURL *curl);

#endif
