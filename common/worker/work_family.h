/*
 * What distinguishes bids from flash sales for the shared parts of a worker: the names of their queues and locks, and
 * the codec of their messages. Each program has one constant of it. Called by shard_reader, undecodable, ownership,
 * outbox_batch and ledger_tx.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORK_FAMILY_H
#define ROSTRUM_COMMON_WORKER_WORK_FAMILY_H

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/protocol/topology.h"
#include "common/worker/work.h"

/* The statements by which workers share the shards; see common/service/shards.h. */
struct work_shards_sql {
    const char *lock;
    const char *view;
    const char *take;
    const char *give;
};

struct work_family {
    const char *workers; /* "bid workers", in the log */
    const char *locked;  /* log lines: a row is locked for long; it is not any more; many of a shard are */
    const char *unlocked;
    const char *waits;
    const struct topology_family *topology;
    struct work_shards_sql shards;
    size_t items_max; /* commands in one message */
    size_t item_size; /* of a decoded command */
    /* Decodes a message into an array of items, each readable or not. False, with a static reason: none is. */
    bool (*read)(const void *bytes, size_t length, void *items, size_t *count, const char **reason);
    /* Describes an item of the array; the description points into it. */
    void (*describe)(const void *items, size_t index, struct work_command *command);
    /*
     * Makes an item unreadable for `reason`, and completes it so that it can be rejected in its place. `placed`: it has
     * one. Otherwise it belongs into no ledger, and loses its ids.
     */
    void (*reject)(void *items, size_t index, const char *reason, bool placed);
    /* Writes one command as a message, for the dead letters. */
    void (*write)(struct jsonw *writer, const void *command);
    /* For a log line about a key. */
    struct log_about (*about)(const struct uuid *key);
};

#endif
