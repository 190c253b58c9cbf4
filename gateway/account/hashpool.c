/*
 * Argon2id on a workpool of its own; see hashpool.h. Each job contains a password. All jobs are in a list until they
 * are wiped, so that hashpool_free can wipe jobs that have not run.
 */
#include "gateway/account/hashpool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "gateway/core/workpool.h"

enum {
    PASSWORD_SIZE = 513, /* 128 characters of up to 4 bytes, and the terminator */
    OTHERS_PART = 2,     /* clients that are not known have one in so many places of the queue */
};

enum job_kind { JOB_HASH, JOB_VERIFY };

struct job {
    struct hashpool *pool;
    enum hashpool_client client;
    enum job_kind kind;
    bool ok;    /* JOB_HASH: the hash was made; JOB_VERIFY: the password matches */
    bool known; /* JOB_VERIFY: `hash` contains the account's hash */
    char password[PASSWORD_SIZE];
    char hash[HASHPOOL_TEXT_SIZE];
    hashpool_hashed hashed;
    hashpool_verified verified;
    void *arg;
    LIST_ENTRY(job) list;
};

struct hashpool {
    struct hashpool_options options;
    struct workpool *workers;
    LIST_HEAD(, job) jobs; /* not yet called back; used by the loop only */
    int others;            /* of these, of clients that are not known */
};

/* Runs on a thread. */
static void work(void *arg)
{
    struct job *job = arg;
    unsigned long long ops = (unsigned long long)job->pool->options.ops;
    size_t memory = (size_t)job->pool->options.memory_kib * 1024;
    size_t length = strlen(job->password);
    if (job->kind == JOB_VERIFY && job->known) {
        job->ok = crypto_pwhash_str_verify(job->hash, job->password, length) == 0;
    } else {
        /* Also for an unknown account, because its answer must take the same time. */
        bool made =
            crypto_pwhash_str_alg(job->hash, job->password, length, ops, memory, crypto_pwhash_ALG_ARGON2ID13) == 0;
        job->ok = made && job->kind == JOB_HASH;
    }
    sodium_memzero(job->password, sizeof(job->password));
}

static void job_free(struct job *job)
{
    LIST_REMOVE(job, list);
    job->pool->others -= job->client == HASHPOOL_OTHER;
    sodium_memzero(job, sizeof(*job));
    free(job);
}

static void call_back(void *arg)
{
    struct job *job = arg;
    if (job->kind == JOB_HASH) {
        job->hashed(job->ok ? job->hash : NULL, job->arg);
    } else {
        job->verified(job->ok, job->arg);
    }
    job_free(job);
}

struct hashpool *hashpool_new(const struct hashpool_options *options)
{
    const struct workpool_options workers = {options->base, options->threads, options->queue_max};
    struct hashpool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }
    pool->options = *options;
    LIST_INIT(&pool->jobs);
    pool->workers = workpool_new(&workers);
    if (pool->workers == NULL) {
        hashpool_free(pool);
        return NULL;
    }
    return pool;
}

void hashpool_free(struct hashpool *pool)
{
    if (pool == NULL) {
        return;
    }
    workpool_free(pool->workers); /* first, because its threads use the jobs */
    while (!LIST_EMPTY(&pool->jobs)) {
        job_free(LIST_FIRST(&pool->jobs));
    }
    free(pool);
}

static bool has_place(const struct hashpool *pool, enum hashpool_client client)
{
    int others_max = (pool->options.queue_max + OTHERS_PART - 1) / OTHERS_PART;
    return client == HASHPOOL_KNOWN || pool->others < others_max;
}

static struct job *job_new(struct hashpool *pool, enum job_kind kind, const struct hashpool_job *wanted, void *arg)
{
    size_t length = strlen(wanted->password);
    struct job *job = length >= PASSWORD_SIZE || !has_place(pool, wanted->client) ? NULL : calloc(1, sizeof(*job));
    if (job != NULL) {
        job->pool = pool;
        job->kind = kind;
        job->client = wanted->client;
        job->arg = arg;
        pool->others += wanted->client == HASHPOOL_OTHER;
        memcpy(job->password, wanted->password, length + 1);
        LIST_INSERT_HEAD(&pool->jobs, job, list);
    }
    return job;
}

static bool job_start(struct job *job)
{
    bool taken = workpool_run(job->pool->workers, work, call_back, job);
    if (!taken) {
        job_free(job);
    }
    return taken;
}

bool hashpool_hash(struct hashpool *pool, const struct hashpool_job *wanted, hashpool_hashed done, void *arg)
{
    struct job *job = job_new(pool, JOB_HASH, wanted, arg);
    if (job == NULL) {
        return false;
    }
    job->hashed = done;
    return job_start(job);
}

bool hashpool_verify(struct hashpool *pool, const struct hashpool_job *wanted, hashpool_verified done, void *arg)
{
    const char *hash = wanted->hash;
    struct job *job = job_new(pool, JOB_VERIFY, wanted, arg);
    if (job == NULL) {
        return false;
    }
    job->verified = done;
    job->known = hash != NULL && strlen(hash) < sizeof(job->hash);
    if (job->known) {
        memcpy(job->hash, hash, strlen(hash) + 1);
    }
    return job_start(job);
}
