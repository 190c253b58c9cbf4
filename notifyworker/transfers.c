/*
 * See transfers.h. libcurl's multi handle requests events on sockets and a timer. After each call of it, finished
 * transfers are taken out. Its own callbacks must not call it or free a handle, so `done` is called after it has
 * returned.
 */
#include "notifyworker/transfers.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/timer.h"
#include "notifyworker/transfer_threads.h"

struct transfers {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct transfer_threads *threads; /* used instead of the other members; or NULL */
};

struct transfer {
    transfer_done done;
    void *arg;
};

static void take_finished(struct transfers *transfers);

static void act(struct transfers *transfers, curl_socket_t fd, int flags)
{
    int running = 0;
    CURLMcode code = curl_multi_socket_action(transfers->multi, fd, flags, &running);
    if (code != CURLM_OK) {
        log_error("transfers: %s", curl_multi_strerror(code));
    }
    take_finished(transfers);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    int flags = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    act(arg, fd, flags);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* Takes out finished transfers. A callback may start another one. */
static void take_finished(struct transfers *transfers)
{
    const CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL) {
        char *found = NULL;
        CURL *curl = message->easy_handle;
        CURLcode outcome = message->data.result;
        (void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, &found);
        struct transfer *transfer = (struct transfer *)(void *)found;
        (void)curl_multi_remove_handle(transfers->multi, curl);
        (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, NULL);
        transfer->done(curl, outcome, transfer->arg);
        free(transfer);
    }
}

/* libcurl changes or ends the events of a socket; the event is stored with the socket. */
static int want_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *kept)
{
    (void)curl;
    struct transfers *transfers = arg;
    struct event *event = kept;
    if (event != NULL) {
        event_free(event);
    }
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        short flags =
            (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));
        event = event_new(transfers->base, fd, (short)(flags | EV_PERSIST), on_socket, transfers);
        if (event == NULL || event_add(event, NULL) != 0) {
            log_error("transfers: no memory to watch a socket; its transfer will time out");
        }
    }
    (void)curl_multi_assign(transfers->multi, fd, event);
    return 0;
}

/* Called from within libcurl, so even 0 ms must go through the loop. */
static int want_timer(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct transfers *transfers = arg;
    if (ms < 0) {
        (void)evtimer_del(transfers->timer);
        return 0;
    }
    timer_set(transfers->timer, ms);
    return 0;
}

struct transfers *transfers_new(struct event_base *base, int connections_max)
{
    struct transfers *transfers = calloc(1, sizeof(*transfers));
    if (transfers == NULL) {
        return NULL;
    }
    transfers->base = base;
    transfers->timer = evtimer_new(base, on_timer, transfers);
    transfers->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
    if (transfers->timer == NULL || transfers->multi == NULL ||
        curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, want_socket) != CURLM_OK ||
        curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers) != CURLM_OK ||
        curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, want_timer) != CURLM_OK ||
        curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers) != CURLM_OK ||
        curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, (long)connections_max) != CURLM_OK) {
        transfers_free(transfers);
        return NULL;
    }
    return transfers;
}

struct transfers *transfers_new_threaded(struct event_base *base)
{
    struct transfers *transfers = calloc(1, sizeof(*transfers));
    if (transfers == NULL) {
        return NULL;
    }
    transfers->threads = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? transfer_threads_new(base) : NULL;
    if (transfers->threads == NULL) {
        transfers_free(transfers);
        return NULL;
    }
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (transfers == NULL) {
        return;
    }
    transfer_threads_free(transfers->threads);
    if (transfers->multi != NULL) {
        (void)curl_multi_cleanup(
            transfers->multi); /* closes idle connections, and still calls back for sockets and timers */
    }
    if (transfers->timer != NULL) {
        event_free(transfers->timer);
    }
    free(transfers);
}

bool transfers_start(struct transfers *transfers, CURL *curl, transfer_done done, void *arg)
{
    if (transfers->threads != NULL) {
        return transfer_threads_start(transfers->threads, curl, done, arg);
    }
    struct transfer *transfer = malloc(sizeof(*transfer));
    if (transfer == NULL) {
        return false;
    }
    *transfer = (struct transfer){done, arg};
    /* Without this, a timeout during name resolution would block until the resolution ends. */
    if (curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
        curl_multi_add_handle(transfers->multi, curl) != CURLM_OK) {
        (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, NULL);
        free(transfer);
        return false;
    }
    return true;
}

void transfers_cancel(struct transfers *transfers, CURL *curl)
{
    if (transfers->threads != NULL) {
        transfer_threads_cancel(transfers->threads, curl);
        return;
    }
    char *found = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, &found);
    assert(found != NULL);
    (void)curl_multi_remove_handle(transfers->multi, curl);
    (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, NULL);
    free((void *)found);
}
