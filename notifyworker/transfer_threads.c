/*
 * See transfer_threads.h. A transfer is in list `all` from its start until its result was delivered or it was
 * cancelled; only the loop's thread uses that list. A finished thread puts its transfer into `finished`, under the
 * lock, and wakes the loop through an eventfd.
 */
#include "notifyworker/transfer_threads.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/base/log.h"

struct threaded {
    TAILQ_ENTRY(threaded) of_all;
    TAILQ_ENTRY(threaded) of_finished;
    struct transfer_threads *threads;
    pthread_t thread;
    CURL *curl;
    CURLcode outcome; /* valid in `finished` */
    transfer_done done;
    void *arg;
    atomic_bool cancelled;
};

TAILQ_HEAD(threaded_list, threaded);

struct transfer_threads {
    int event_fd;
    struct event *wake;
    struct threaded_list all;
    pthread_mutex_t lock; /* for `finished` */
    struct threaded_list finished;
};

/* Called by libcurl at least once a second; ends a cancelled transfer. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const struct threaded *transfer = arg;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return atomic_load(&transfer->cancelled) ? 1 : 0;
}

static void *run(void *arg)
{
    struct threaded *transfer = arg;
    struct transfer_threads *threads = transfer->threads;
    transfer->outcome = curl_easy_perform(transfer->curl);
    (void)pthread_mutex_lock(&threads->lock);
    TAILQ_INSERT_TAIL(&threads->finished, transfer, of_finished);
    if (eventfd_write(threads->event_fd, 1) != 0) {
        log_error("transfers: eventfd: errno %d", errno);
    }
    (void)pthread_mutex_unlock(&threads->lock);
    return NULL;
}

/* Takes the transfer that finished first; NULL: none. */
static struct threaded *take_finished(struct transfer_threads *threads)
{
    (void)pthread_mutex_lock(&threads->lock);
    struct threaded *transfer = TAILQ_FIRST(&threads->finished);
    if (transfer != NULL) {
        TAILQ_REMOVE(&threads->finished, transfer, of_finished);
    }
    (void)pthread_mutex_unlock(&threads->lock);
    return transfer;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct transfer_threads *threads = arg;
    struct threaded *transfer = NULL;
    eventfd_t count = 0;
    (void)what;
    (void)eventfd_read(fd, &count);
    while ((transfer = take_finished(threads)) != NULL) {
        (void)pthread_join(transfer->thread, NULL);
        TAILQ_REMOVE(&threads->all, transfer, of_all);
        transfer->done(transfer->curl, transfer->outcome, transfer->arg);
        free(transfer);
    }
}

struct transfer_threads *transfer_threads_new(struct event_base *base)
{
    struct transfer_threads *threads = calloc(1, sizeof(*threads));
    if (threads == NULL) {
        return NULL;
    }
    TAILQ_INIT(&threads->all);
    TAILQ_INIT(&threads->finished);
    if (pthread_mutex_init(&threads->lock, NULL) != 0) {
        abort(); /* cannot happen with default attributes */
    }
    threads->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    threads->wake =
        threads->event_fd < 0 ? NULL : event_new(base, threads->event_fd, EV_READ | EV_PERSIST, on_wake, threads);
    if (threads->wake == NULL || event_add(threads->wake, NULL) != 0) {
        transfer_threads_free(threads);
        return NULL;
    }
    return threads;
}

void transfer_threads_free(struct transfer_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    assert(TAILQ_EMPTY(&threads->all));
    if (threads->wake != NULL) {
        event_free(threads->wake);
    }
    if (threads->event_fd >= 0) {
        (void)close(threads->event_fd);
    }
    (void)pthread_mutex_destroy(&threads->lock);
    free(threads);
}

/* Blocks signals in the new thread: the loop's thread handles them. */
static bool start_thread(struct threaded *transfer)
{
    sigset_t every;
    sigset_t before;
    (void)sigfillset(&every);
    if (pthread_sigmask(SIG_SETMASK, &every, &before) != 0) {
        return false;
    }
    bool started = pthread_create(&transfer->thread, NULL, run, transfer) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool transfer_threads_start(struct transfer_threads *threads, CURL *curl, transfer_done done, void *arg)
{
    struct threaded *transfer = calloc(1, sizeof(*transfer));
    if (transfer == NULL) {
        return false;
    }
    transfer->threads = threads;
    transfer->curl = curl;
    transfer->done = done;
    transfer->arg = arg;
    atomic_init(&transfer->cancelled, false);
    TAILQ_INSERT_TAIL(&threads->all, transfer, of_all);
    if (curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) != CURLE_OK || !start_thread(transfer)) {
        TAILQ_REMOVE(&threads->all, transfer, of_all);
        free(transfer);
        return false;
    }
    return true;
}

void transfer_threads_cancel(struct transfer_threads *threads, CURL *curl)
{
    struct threaded *transfer = NULL;
    TAILQ_FOREACH(transfer, &threads->all, of_all)
    {
        if (transfer->curl == curl) {
            break;
        }
    }
    assert(transfer != NULL);
    atomic_store(&transfer->cancelled, true);
    (void)pthread_join(transfer->thread, NULL);
    (void)pthread_mutex_lock(&threads->lock);
    TAILQ_REMOVE(&threads->finished, transfer, of_finished);
    (void)pthread_mutex_unlock(&threads->lock);
    TAILQ_REMOVE(&threads->all, transfer, of_all);
    free(transfer);
}
