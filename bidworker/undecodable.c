/*
 * See garbage.h. Called by intake. The number of pieces is bounded by the prefetch of the shards' channels.
 */
#include "bidworker/undecodable.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/protocol/deadletter.h"
#include "common/protocol/topology.h"

enum { AGAIN_MS = 500 }; /* after the broker would not take a copy */

struct piece {
    TAILQ_ENTRY(piece) link;
    struct garbage *garbage;
    unsigned shard;
    bool forgotten; /* only waits for the verdict on its copy */
    bool sent;
    uint64_t tag;
    const char *why;
    size_t length;
    char body[];
};

TAILQ_HEAD(piece_list, piece);

struct garbage {
    struct garbage_options options;
    struct piece_list pieces;
    size_t *counts; /* by shard, without the forgotten */
    struct event *again_timer;
};

static void arm(struct garbage *garbage)
{
    struct timeval wait = {.tv_usec = AGAIN_MS * 1000L};
    if (!evtimer_pending(garbage->again_timer, NULL) && evtimer_add(garbage->again_timer, &wait) != 0) {
        log_error("garbage: cannot arm a timer");
    }
}

static void piece_end(struct piece *piece)
{
    struct garbage *garbage = piece->garbage;
    TAILQ_REMOVE(&garbage->pieces, piece, link);
    if (!piece->forgotten) {
        garbage->counts[piece->shard]--;
    }
    free(piece);
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct piece *piece = arg;
    struct garbage *garbage = piece->garbage;
    unsigned shard = piece->shard;
    uint64_t tag = piece->tag;
    bool ack = verdict == BROKER_CONFIRMED && !piece->forgotten;
    assert(piece->sent);
    piece->sent = false;
    if (verdict == BROKER_CONFIRMED || piece->forgotten) {
        piece_end(piece);
    } else {
        arm(garbage);
    }
    if (ack) {
        garbage->options.kept(shard, tag, garbage->options.arg);
    }
}

static bool publish(struct piece *piece)
{
    struct broker_message message = {
        .exchange = TOPOLOGY_DEAD_EXCHANGE,
        .routing_key = TOPOLOGY_KEY_DEAD_BIDS,
        .body = piece->body,
        .length = piece->length,
        .reason = piece->why,
    };
    piece->sent = broker_publish(piece->garbage->options.broker, &message, on_verdict, piece);
    return piece->sent;
}

static void publish_all(evutil_socket_t fd, short what, void *arg)
{
    struct garbage *garbage = arg;
    struct piece *piece = NULL;
    (void)fd;
    (void)what;
    TAILQ_FOREACH(piece, &garbage->pieces, link)
    {
        if (!piece->sent && !publish(piece)) {
            arm(garbage);
            return;
        }
    }
}

struct garbage *garbage_new(const struct garbage_options *options)
{
    struct garbage *garbage = calloc(1, sizeof *garbage);
    if (garbage == NULL) {
        return NULL;
    }
    garbage->options = *options;
    TAILQ_INIT(&garbage->pieces);
    garbage->counts = calloc(options->shards, sizeof *garbage->counts);
    garbage->again_timer = evtimer_new(options->base, publish_all, garbage);
    if (garbage->counts == NULL || garbage->again_timer == NULL) {
        garbage_free(garbage);
        return NULL;
    }
    return garbage;
}

void garbage_free(struct garbage *garbage)
{
    if (garbage == NULL) {
        return;
    }
    struct piece *next = NULL;
    for (struct piece *piece = TAILQ_FIRST(&garbage->pieces); piece != NULL; piece = next) {
        next = TAILQ_NEXT(piece, link);
        free(piece);
    }
    if (garbage->again_timer != NULL) {
        event_free(garbage->again_timer);
    }
    free(garbage->counts);
    free(garbage);
}

void garbage_add(struct garbage *garbage, unsigned shard, const struct broker_delivery *delivery, const char *why)
{
    size_t length = deadletter_length(delivery->body, delivery->length);
    struct piece *piece = calloc(1, sizeof *piece + length);
    assert(shard < garbage->options.shards);
    log_warn("shard %u: a delivery is no message of ours (%s): to the dead letters", shard, why);
    if (piece == NULL) {
        return;
    }
    piece->garbage = garbage;
    piece->shard = shard;
    piece->tag = delivery->tag;
    piece->why = why;
    piece->length = length;
    memcpy(piece->body, delivery->body, length);
    TAILQ_INSERT_TAIL(&garbage->pieces, piece, link);
    garbage->counts[shard]++;
    if (!publish(piece)) {
        arm(garbage);
    }
}

size_t garbage_count(const struct garbage *garbage, unsigned shard)
{
    return garbage->counts[shard];
}

void garbage_forget(struct garbage *garbage, unsigned shard)
{
    struct piece *next = NULL;
    for (struct piece *piece = TAILQ_FIRST(&garbage->pieces); piece != NULL; piece = next) {
        next = TAILQ_NEXT(piece, link);
        if (piece->shard != shard || piece->forgotten) {
            continue;
        }
        if (piece->sent) {
            piece->forgotten = true;
            garbage->counts[shard]--;
        } else {
            piece_end(piece);
        }
    }
}
