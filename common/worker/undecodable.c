/*
 * See undecodable.h. Called by shard_reader. The prefetch of the shards' channels bounds the number of messages.
 */
#include "common/worker/undecodable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/topology.h"

enum { RETRY_MS = 500 }; /* after the broker did not accept a copy */

struct undecodable_message {
    TAILQ_ENTRY(undecodable_message) link;
    struct undecodable *undecodable;
    unsigned shard;
    bool forgotten; /* its channel is gone; it is freed at the verdict on its copy */
    bool sent;
    uint64_t tag;
    const char *reason;
    size_t length;
    char body[];
};

TAILQ_HEAD(entry_list, undecodable_message);

struct undecodable {
    struct undecodable_options options;
    struct entry_list entries;
    size_t *counts; /* by shard, without the forgotten messages */
    struct event *retry_timer;
};

static void entry_end(struct undecodable_message *entry)
{
    struct undecodable *undecodable = entry->undecodable;
    TAILQ_REMOVE(&undecodable->entries, entry, link);
    if (!entry->forgotten) {
        undecodable->counts[entry->shard]--;
    }
    free(entry);
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct undecodable_message *entry = arg;
    struct undecodable *undecodable = entry->undecodable;
    unsigned shard = entry->shard;
    uint64_t tag = entry->tag;
    bool ack = verdict == BROKER_CONFIRMED && !entry->forgotten;
    assert(entry->sent);
    entry->sent = false;
    if (verdict == BROKER_CONFIRMED || entry->forgotten) {
        entry_end(entry);
    } else {
        timer_ensure(undecodable->retry_timer, RETRY_MS);
    }
    if (ack) {
        undecodable->options.kept(shard, tag, undecodable->options.arg);
    }
}

static bool publish(struct undecodable_message *entry)
{
    struct broker_message message = {
        .exchange = TOPOLOGY_DEAD_EXCHANGE,
        .routing_key = entry->undecodable->options.routing_key,
        .body = entry->body,
        .length = entry->length,
        .reason = entry->reason,
    };
    entry->sent = broker_publish(entry->undecodable->options.broker, &message, on_verdict, entry);
    return entry->sent;
}

static void publish_all(evutil_socket_t fd, short what, void *arg)
{
    struct undecodable *undecodable = arg;
    struct undecodable_message *entry = NULL;
    (void)fd;
    (void)what;
    TAILQ_FOREACH(entry, &undecodable->entries, link)
    {
        if (!entry->sent && !publish(entry)) {
            timer_ensure(undecodable->retry_timer, RETRY_MS);
            return;
        }
    }
}

struct undecodable *undecodable_new(const struct undecodable_options *options)
{
    struct undecodable *undecodable = calloc(1, sizeof *undecodable);
    if (undecodable == NULL) {
        return NULL;
    }
    undecodable->options = *options;
    TAILQ_INIT(&undecodable->entries);
    undecodable->counts = calloc(options->shards, sizeof *undecodable->counts);
    undecodable->retry_timer = evtimer_new(options->base, publish_all, undecodable);
    if (undecodable->counts == NULL || undecodable->retry_timer == NULL) {
        undecodable_free(undecodable);
        return NULL;
    }
    return undecodable;
}

void undecodable_free(struct undecodable *undecodable)
{
    if (undecodable == NULL) {
        return;
    }
    struct undecodable_message *next = NULL;
    for (struct undecodable_message *entry = TAILQ_FIRST(&undecodable->entries); entry != NULL; entry = next) {
        next = TAILQ_NEXT(entry, link);
        free(entry);
    }
    if (undecodable->retry_timer != NULL) {
        event_free(undecodable->retry_timer);
    }
    free(undecodable->counts);
    free(undecodable);
}

bool undecodable_add(struct undecodable *undecodable, unsigned shard, const struct broker_delivery *delivery,
                     const char *reason)
{
    size_t length = deadletter_length(delivery->body, delivery->length);
    struct undecodable_message *entry = calloc(1, sizeof *entry + length);
    assert(shard < undecodable->options.shards);
    if (entry == NULL) {
        return false;
    }
    log_warn("shard %u: delivery cannot be decoded (%s), copied to the dead letters", shard, reason);
    entry->undecodable = undecodable;
    entry->shard = shard;
    entry->tag = delivery->tag;
    entry->reason = reason;
    entry->length = length;
    memcpy(entry->body, delivery->body, length);
    TAILQ_INSERT_TAIL(&undecodable->entries, entry, link);
    undecodable->counts[shard]++;
    if (!publish(entry)) {
        timer_ensure(undecodable->retry_timer, RETRY_MS);
    }
    return true;
}

size_t undecodable_count(const struct undecodable *undecodable, unsigned shard)
{
    return undecodable->counts[shard];
}

void undecodable_forget(struct undecodable *undecodable, unsigned shard)
{
    struct undecodable_message *next = NULL;
    for (struct undecodable_message *entry = TAILQ_FIRST(&undecodable->entries); entry != NULL; entry = next) {
        next = TAILQ_NEXT(entry, link);
        if (entry->shard != shard || entry->forgotten) {
            continue;
        }
        if (entry->sent) {
            entry->forgotten = true;
            undecodable->counts[shard]--;
        } else {
            entry_end(entry);
        }
    }
}
