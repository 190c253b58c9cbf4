/*
 * Argon2id on a few threads; see hashpool.h. Jobs wait in a list under one lock; finished ones come back through a
 * second list and an eventfd, so that callbacks run on the loop.
 */
#include "gateway/hashpool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/log.h"

enum {
    THREADS_MAX = 16,
    PASSWORD_SIZE = 513, /* 128 characters of up to 4 bytes, and the terminator */
};

enum job_kind { JOB_HASH, JOB_VERIFY };

struct job {
    enum job_kind kind;
    bool good;  /* made, or right */
    bool known; /* JOB_VERIFY: there is a hash to compare with */
    char password[PASSWORD_SIZE];
    char hash[HASHPOOL_TEXT_SIZE];
    hashpool_hashed hashed;
    hashpool_verified verified;
    void *arg;
    STAILQ_ENTRY(job) list;
};

STAILQ_HEAD(job_list, job);

struct hashpool {
    struct hashpool_options options;
    pthread_t threads[THREADS_MAX];
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;               /* under lock */
    struct job_list waiting; /* under lock */
    struct job_list done;    /* under lock */
    int jobs;                /* not yet called back; of the loop alone */
    int done_fd;
    struct event *done_event;
};

static void work(const struct hashpool *pool, struct job *job)
{
    unsigned long long ops = (unsigned long long)pool->options.ops;
    size_t memory = (size_t)pool->options.memory_kib * 1024;
    size_t length = strlen(job->password);
    if (job->kind == JOB_VERIFY && job->known) {
        job->good = crypto_pwhash_str_verify(job->hash, job->password, length) == 0;
    } else {
        /* For an unknown account too: the answer must take the same time. */
        bool made =
            crypto_pwhash_str_alg(job->hash, job->password, length, ops, memory, crypto_pwhash_ALG_ARGON2ID13) == 0;
        job->good = made && job->kind == JOB_HASH;
    }
    sodium_memzero(job->password, sizeof(job->password));
}

static void *run_thread(void *arg)
{
    struct hashpool *pool = arg;
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
        work(pool, job);
        pthread_mutex_lock(&pool->lock);
        STAILQ_INSERT_TAIL(&pool->done, job, list);
        if (write(pool->done_fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
            log_error("the loop cannot be told of a finished hash");
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void call_back(evutil_socket_t fd, short what, void *arg)
{
    struct hashpool *pool = arg;
    struct job_list done = STAILQ_HEAD_INITIALIZER(done);
    uint64_t count = 0;
    (void)what;
    if (read(fd, &count, sizeof(count)) < 0) {
        return; /* told twice */
    }
    pthread_mutex_lock(&pool->lock);
    STAILQ_CONCAT(&done, &pool->done);
    pthread_mutex_unlock(&pool->lock);
    while (!STAILQ_EMPTY(&done)) {
        struct job *job = STAILQ_FIRST(&done);
        STAILQ_REMOVE_HEAD(&done, list);
        pool->jobs--;
        if (job->kind == JOB_HASH) {
            job->hashed(job->good ? job->hash : NULL, job->arg);
        } else {
            job->verified(job->good, job->arg);
        }
        sodium_memzero(job, sizeof(*job));
        free(job);
    }
}

/* Signals are the loop's: threads begin with all of them blocked. */
static bool start_threads(struct hashpool *pool)
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

struct hashpool *hashpool_new(const struct hashpool_options *options)
{
    struct hashpool *pool = calloc(1, sizeof(*pool));
    assert(options->threads > 0);
    if (pool == NULL) {
        return NULL;
    }
    pool->options = *options;
    if (pool->options.threads > THREADS_MAX) {
        pool->options.threads = THREADS_MAX;
    }
    STAILQ_INIT(&pool->waiting);
    STAILQ_INIT(&pool->done);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool->done_fd >= 0) {
        pool->done_event = event_new(options->base, pool->done_fd, EV_READ | EV_PERSIST, call_back, pool);
    }
    if (pool->done_event == NULL || event_add(pool->done_event, NULL) != 0 || !start_threads(pool)) {
        hashpool_free(pool);
        return NULL;
    }
    return pool;
}

static void drop_jobs(struct job_list *jobs)
{
    while (!STAILQ_EMPTY(jobs)) {
        struct job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, list);
        sodium_memzero(job, sizeof(*job));
        free(job);
    }
}

void hashpool_free(struct hashpool *pool)
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

static struct job *job_new(const struct hashpool *pool, enum job_kind kind, const char *password, void *arg)
{
    size_t length = strlen(password);
    if (pool->jobs >= pool->options.queue_max || length >= PASSWORD_SIZE) {
        return NULL;
    }
    struct job *job = calloc(1, sizeof(*job));
    if (job != NULL) {
        job->kind = kind;
        job->arg = arg;
        memcpy(job->password, password, length + 1);
    }
    return job;
}

static void job_start(struct hashpool *pool, struct job *job)
{
    pool->jobs++;
    pthread_mutex_lock(&pool->lock);
    STAILQ_INSERT_TAIL(&pool->waiting, job, list);
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

bool hashpool_hash(struct hashpool *pool, const char *password, hashpool_hashed done, void *arg)
{
    struct job *job = job_new(pool, JOB_HASH, password, arg);
    if (job == NULL) {
        return false;
    }
    job->hashed = done;
    job_start(pool, job);
    return true;
}

bool hashpool_verify(struct hashpool *pool, const char *hash, const char *password, hashpool_verified done, void *arg)
{
    struct job *job = job_new(pool, JOB_VERIFY, password, arg);
    if (job == NULL) {
        return false;
    }
    job->verified = done;
    job->known = hash != NULL && strlen(hash) < sizeof(job->hash);
    if (job->known) {
        memcpy(job->hash, hash, strlen(hash) + 1);
    }
    job_start(pool, job);
    return true;
}
