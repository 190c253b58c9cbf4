/*
 * libcurl transfers in one thread each, for protocols in which libcurl blocks inside a call and would block the loop.
 * The loop delivers the results. While a transfer is running, its thread owns its handle and all data that the handle's
 * callbacks use.
 *
 * Caller: transfers.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_TRANSFER_THREADS_H
#define ROSTRUM_NOTIFYWORKER_TRANSFER_THREADS_H

#include <curl/curl.h>
#include <event2/event.h>

#include "common/base/base.h"

struct transfer_threads;

/* The transfer has ended and the caller owns `curl` again. Called from the loop, once. */
typedef void (*transfer_done)(CURL *curl, CURLcode outcome, void *arg);

/* NULL: no memory or descriptors. */
MUST_CHECK struct transfer_threads *transfer_threads_new(struct event_base *base);
/* All transfers must have ended or been cancelled. */
void transfer_threads_free(struct transfer_threads *threads);

/* See transfers_start and transfers_cancel; the latter waits up to a second for the thread. */
MUST_CHECK bool transfer_threads_start(struct transfer_threads *threads, CURL *curl, transfer_done done, void *arg);
void transfer_threads_cancel(struct transfer_threads *threads, CURL *curl);

#endif
