/*
 * The arithmetic of positions in the waiting line of a flash sale. A line holds what happened in the newest versions of
 * the sale. With it a position that was exact in one of them becomes exact in the newest one. Pure.
 *
 * Invariants:
 *   - Versions follow each other without a gap; sale_line_reset begins again after one.
 *   - A place that still waits has lost exactly the places before it: all that were granted a turn, because turns are
 *     granted in the order of the line, and those with a lower seq that were left.
 *   - No update counts twice for a place, and none is left out: a place has the version of its position.
 *
 * Callers: sale_watch.c (updates), positions.c (places).
 */
#ifndef ROSTRUM_GATEWAY_LIVE_SALE_LINE_H
#define ROSTRUM_GATEWAY_LIVE_SALE_LINE_H

#include "common/protocol/sale_live.h"

enum {
    SALE_LINE_VERSIONS_MAX = 512, /* versions that are kept; a place with an older position must be read again */
    SALE_LINE_GONE_MAX = 2048,    /* places that were left and are kept; likewise */
};

/* Zeroed: nothing is known, and every place must be read. */
struct sale_line {
    int64_t version; /* the newest */
    int64_t first;   /* the oldest version that is kept */
    int64_t head_seq;
    int64_t gone_total; /* places ever added to `gone` */
    struct {
        int64_t granted; /* totals after this version */
        int64_t gone;
    } versions[SALE_LINE_VERSIONS_MAX]; /* of version v at v modulo the size */
    int64_t gone[SALE_LINE_GONE_MAX];   /* ring buffer of seqs */
};

/* A place that waits: its position was exact in `version`. */
struct sale_place {
    int64_t seq;
    int64_t position; /* 1: next in line */
    int64_t version;
};

enum sale_line_answer {
    SALE_LINE_WAITS,   /* the position is that of the newest version now */
    SALE_LINE_AHEAD,   /* the position is of a version that has not arrived here yet; it is unchanged */
    SALE_LINE_ENDED,   /* the place does not wait any more */
    SALE_LINE_UNKNOWN, /* the line does not know enough: the place must be read */
};

/* The state was read in this version: what happened before is not known. */
void sale_line_reset(struct sale_line *line, int64_t version, int64_t head_seq);
/* Adds the update of the next version. */
void sale_line_add(struct sale_line *line, const struct sale_live *update);
enum sale_line_answer sale_line_advance(const struct sale_line *line, struct sale_place *place);

#endif
