/*
 * Blocking work on a pool of threads; see workpool.h. Jobs wait in a list under one lock. Finished jobs return through
 * a second list and an eventfd, so that callbacks run on the loop.
 */
#include "gateway/core/workpool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/base/log.h"

enum { THREADS_MAX = 64 };

struct job {
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
    STAILQ_ENTRY(job) list;
};

STAILQ_HEAD(job_list, job);

struct workpool {
    struct workpool_options options;
    pthread_t threads[THREADS_MAX];
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;               /* under lock */
    struct job_list waiting; /* under lock */
    struct job_list done;    /* under lock */
    int jobs;                /* not yet called back; used by the loop only */
    int done_fd;
    struct event *done_event;
};

static void *run_thread(void *arg)
{
    struct workpool *pool = arg;
    const uint64_t one = 1;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop) {
        struct job *job = STAILQ_FIRST(&pool->waiting);
        if (job == NULL) {
            pthread_cond_wait(&pool->wake, &pool->lock);
            continue;
        }
        STAILQ_REMOVE_HEAD(&pool->waiting, list);
        pthread_mutex_unlock(&pool->lock);
        job->work(job->arg);
        pthread_mutex_lock(&pool->lock);
        STAILQ_INSERT_TAIL(&pool->done, job, list);
        if (write(pool->done_fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
            log_error("finished work could not be signalled to the event loop");
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void call_back(evutil_socket_t fd, short what, void *arg)
{
    struct workpool *pool = arg;
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    uint64_t count = 0;
    (void)what;
    if (read(fd, &count, sizeof(count)) < 0) {
        return; /* an earlier call has read the signal */
    }
    pthread_mutex_lock(&pool->lock);
    STAILQ_CONCAT(&done, &pool->done);
    pthread_mutex_unlock(&pool->lock);
    while (!STAILQ_EMPTY(&done)) {
        struct job *job = STAILQ_FIRST(&done);
        STAILQ_REMOVE_HEAD(&done, list);
        pool->jobs--;
        job->done(job->arg);
        free(job);
    }
}

/* Signals are handled by the event loop, so threads start with all signals blocked. */
static bool start_threads(struct workpool *pool)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    while (pool->thread_count < pool->options.threads &&
           pthread_create(&pool->threads[pool->thread_count], NULL, run_thread, pool) == 0) {
        pool->thread_count++;
    }
    return pthread_sigmask(SIG_SETMASK, &before, NULL) == 0 && pool->thread_count == pool->options.threads;
}

struct workpool *workpool_new(const struct workpool_options *options)
{
    struct workpool *pool = calloc(1, sizeof(*pool));
    assert(options->threads > 0 && options->threads <= THREADS_MAX);
    if (pool == NULL) {
        return NULL;
    }
    pool->options = *options;
    STAILQ_INIT(&pool->waiting);
    STAILQ_INIT(&pool->done);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool->done_fd >= 0) {
        pool->done_event = event_new(options->base, pool->done_fd, EV_READ | EV_PERSIST, call_back, pool);
    }
    if (pool->done_event == NULL || event_add(pool->done_event, NULL) != 0 || !start_threads(pool)) {
        workpool_free(pool);
        return NULL;
    }
    return pool;
}

static void drop_jobs(struct job_list *jobs)
{
    while (!STAILQ_EMPTY(jobs)) {
        struct job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, list);
        free(job);
    }
}

void workpool_free(struct workpool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    drop_jobs(&pool->waiting);
    drop_jobs(&pool->done);
    if (pool->done_event != NULL) {
        event_free(pool->done_event);
    }
    if (pool->done_fd >= 0) {
        close(pool->done_fd);
    }
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

bool workpool_run(struct workpool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct job *job = pool->jobs >= pool->options.queue_max ? NULL : calloc(1, sizeof(*job));
    if (job == NULL) {
        return false;
    }
    *job = (struct job){.work = work, .done = done, .arg = arg};
    pool->jobs++;
    pthread_mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->waiting, job, list);
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    return true;
}
