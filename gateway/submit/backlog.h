/*
 * Judges for each shard whether its bids are decided, and since when the oldest undecided one waits. Pure.
 *
 * The evidence is the report of the bid worker that owns the shard, and the depth of its queue as an end worker sees
 * it (common/service/shards.h). A worker attests by its name what it holds; the depth shows what nobody holds.
 *
 *   - A report is fresh while it is renewed. Renewal is what this machine sees, so no clock is compared with another.
 *     The first sight of a report proves nothing: its writer may be dead.
 *   - A fresh report with an undecided command: it waits since its receivedAt.
 *   - Else, a fresh depth above zero: the bids wait since the first look at it. A depth that falls begins anew, because
 *     somebody takes the messages. A depth of zero without a consumer proves nothing for BACKLOG_VACANT_MS: RabbitMQ
 *     also answers so for a queue that has no leader.
 *   - Neither is fresh: it is unknown. That refuses nothing, and degrades nothing.
 *
 * A shard has stopped if for BACKLOG_STOPPED_MS its oldest bid stays the same, nobody consumes its queue, or its worker
 * tries the same batch. A long backlog that becomes shorter has not stopped.
 *
 * An auction that a bid worker has set aside counts for itself alone, by a fresh report.
 *
 * Callers: backlog_reader.c looks; submitting.c and health.c ask.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_BACKLOG_H
#define ROSTRUM_GATEWAY_SUBMIT_BACKLOG_H

#include "common/protocol/topology.h"
#include "common/service/shards.h"

enum {
    BACKLOG_LOOK_MS = 1000, /* from one look to the next */
    /*
     * Without progress. It is noticed 10 s after any fault: lease_s (3), then this (4), then a look of the end worker
     * (1) and one of the gateway (1).
     */
    BACKLOG_STOPPED_MS = 4000,
    BACKLOG_VACANT_MS = 15000, /* a queue without a leader may look empty for so long; an election takes 7 s */
    BACKLOG_FRESH_MS = 3000,   /* without renewal a report is stale; plus twice the interval of its writer */
};

struct backlog_clock {
    int64_t wall_ms; /* as receivedAt */
    int64_t mono_ms; /* monotonic */
};

/* Where reports come from, as far as this machine has seen. */
struct backlog_source {
    int64_t at_ms;      /* of the last report, on its writer's clock */
    int64_t renewed_ms; /* monotonic; when another one was seen to replace it. 0: never */
    bool seen;
};

struct backlog_shard {
    struct backlog_source owner;
    struct backlog_source queue;
    struct shards_report report; /* of `owner`, as last read */
    struct shards_depth depth;   /* of `queue`, as last read */
    bool fell;                   /* the last depth is below the one before */
    bool known;
    int64_t since_ms;    /* wall clock; since when the oldest undecided bid waits. 0: there is none, or it is unknown */
    int64_t moved_ms;    /* monotonic; when since_ms changed */
    int64_t vacant_ms;   /* monotonic; since when the queue has neither messages nor consumers. 0: it has, or unknown */
    int64_t unserved_ms; /* monotonic; since when no worker consumes the queue. 0: one does, or it is unknown */
};

struct backlog {
    unsigned shards; /* 0: nothing is known yet */
    int64_t fresh_ms;
    int64_t looked_ms; /* monotonic; the last backlog_judge */
    struct backlog_shard of[TOPOLOGY_SHARDS_MAX];
};

/* `writer_ms`: the longest interval at which reports are written. */
void backlog_begin(struct backlog *backlog, unsigned shards, int64_t writer_ms);
/* One look: what was read of each shard, then the judgement. Shards beyond the last are ignored. */
void backlog_report(struct backlog *backlog, unsigned shard, const struct shards_report *report, int64_t mono_ms);
void backlog_depth(struct backlog *backlog, unsigned shard, const struct shards_depth *depth, int64_t mono_ms);
void backlog_judge(struct backlog *backlog, const struct backlog_clock *now);

/* The clocks, for the calls below. */
struct backlog_clock backlog_now(void);
/* For how long the oldest undecided bid of the shard has waited: 0 if there is none, -1 if it is unknown. */
int64_t backlog_age_ms(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now);
/* Undelivered messages in the shard's queue; -1 if unknown. */
int64_t backlog_ready(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now);
/* False if the shard is known to have stopped. */
bool backlog_decides(const struct backlog *backlog, unsigned shard, const struct backlog_clock *now);
/* Whether the oldest undecided bid of the shard waits longer than `max_s`. 0: never. */
bool backlog_overdue(const struct backlog *backlog, unsigned shard, int max_s, const struct backlog_clock *now);
/* Whether the auction is set aside, and its oldest undecided bid waits longer than `max_s`. 0: never. */
bool backlog_auction_overdue(const struct backlog *backlog, unsigned shard, const struct uuid *auction_id, int max_s,
                             const struct backlog_clock *now);

/*
 * Whether nothing is undecided in any shard, as far as its worker attests and its queue shows. Both must be fresh and
 * known: a worker that is cut off from Redis may hold commands that no queue shows.
 */
bool backlog_is_empty(const struct backlog *backlog, const struct backlog_clock *now);

/* All shards together. */
struct backlog_summary {
    unsigned stopped;  /* shards that are known to have stopped */
    unsigned overdue;  /* shards whose bids are refused */
    int64_t oldest_ms; /* the highest age; -1: unknown for every shard */
};
struct backlog_summary backlog_summary(const struct backlog *backlog, int max_s, const struct backlog_clock *now);

#endif
