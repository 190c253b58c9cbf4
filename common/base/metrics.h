/*
 * What the deployment counts: counters, gauges and histograms, shown as Prometheus text. Each file that counts
 * something has a struct metrics_family for it; a program lists the families that it shows and opens them once at its
 * start.
 *
 * The numbers stand in memory that is shared with every process forked after metrics_open: the gateway's workers add to
 * the same cells, so that their sum needs no collecting, and a worker that dies loses none.
 *
 * Labels are bounded: a label has either a fixed set of values, or learns at most `most` of them from our own tables
 * (routes, SQL statements); whatever comes beyond that is counted as "other". No text of a client ever becomes a label.
 *
 * Counting is one atomic addition and never allocates. Counting in a family that no program has opened (a test, say) is
 * allowed and does nothing. Values are integers; times are microseconds inside and seconds in the text.
 */
#ifndef ROSTRUM_COMMON_BASE_METRICS_H
#define ROSTRUM_COMMON_BASE_METRICS_H

#include "common/base/base.h"

struct evbuffer;

enum {
    METRICS_LABELS_MAX = 3,
    METRICS_CELLS_MAX = 1 << 17, /* of a process, 8 bytes each; the gateway has some 10,000 */
};

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_TYPE_COUNT };

struct metrics_label {
    const char *name;
    const char *const *values; /* fixed, `most` of them; NULL: learnt by metrics_value */
    size_t most;               /* values; the label has one more, "other" */
};

struct metrics_family {
    const char *name;
    const char *help;
    enum metrics_type type;
    size_t label_count;
    struct metrics_label labels[METRICS_LABELS_MAX];
    const int64_t *bounds; /* METRICS_HISTOGRAM: upper bounds, rising */
    size_t bound_count;
    bool is_time; /* microseconds, shown as seconds */

    /* Set by metrics_open. */
    _Atomic int64_t *cells;                         /* NULL: not opened */
    const char *_Atomic *names[METRICS_LABELS_MAX]; /* of learnt labels */
};

/* Bounds for durations of requests and statements, 0.5 ms to 5 s. */
enum { METRICS_TIME_BOUNDS = 13 };
extern const int64_t metrics_time_bounds[METRICS_TIME_BOUNDS];

/*
 * Makes the cells of all families; `list` ends with NULL and is kept. Once per process, before it forks and before any
 * metrics_value. False without memory.
 */
MUST_CHECK bool metrics_open(struct metrics_family *const *list);

/*
 * The index of a value of the family's `label`-th label, learnt if it is new. `value` is static text, made before any
 * fork, without quotes and backslashes. For a value that is not in the set: that of "other".
 */
size_t metrics_value(struct metrics_family *family, size_t label, const char *value);

/* Indices of labels that the family has not are not looked at: give 0. */
void metrics_add(struct metrics_family *family, size_t first, size_t second, size_t third, int64_t amount);
void metrics_observe(struct metrics_family *family, size_t first, size_t second, int64_t value);
/* A gauge; `value` below 0: there is nothing to show (a shard that is another's now). */
void metrics_set(struct metrics_family *family, size_t first, int64_t value);

/* Appends the text of everything (version 0.0.4). False without memory. */
MUST_CHECK bool metrics_write(struct evbuffer *out);

#endif
