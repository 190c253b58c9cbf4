/*
 * Metrics: counters, gauges and histograms as Prometheus text. Each file that counts something has a struct
 * metrics_family. A program lists the families that it shows and opens them once when it starts.
 *
 * The values are in memory that is shared with all processes forked after metrics_open. The gateway's workers add to
 * the same cells, so nothing is collected, and the exit of a worker loses nothing.
 *
 * Labels are bounded. A label has either a fixed set of values, or registers at most `most` of our own (routes, SQL
 * statements); further values are counted as "other". Text from a client never becomes a label.
 *
 * Counting is one atomic addition and never allocates. Counting in a family that is not open (in a test, for example)
 * does nothing. Values are integers; times are stored in microseconds and shown in seconds.
 */
#ifndef ROSTRUM_COMMON_BASE_METRICS_H
#define ROSTRUM_COMMON_BASE_METRICS_H

#include "common/base/base.h"

struct evbuffer;

enum {
    METRICS_LABELS_MAX = 3,
    METRICS_CELLS_MAX = 1 << 17, /* of a process, 8 bytes each; the gateway has about 10,000 */
};

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_TYPE_COUNT };

struct metrics_label {
    const char *name;
    const char *const *values; /* fixed, `most` of them; NULL: registered by metrics_value */
    size_t most;               /* number of values; the label has one more, "other" */
};

struct metrics_family {
    const char *name;
    const char *help;
    enum metrics_type type;
    size_t label_count;
    struct metrics_label labels[METRICS_LABELS_MAX];
    const int64_t *bounds; /* METRICS_HISTOGRAM: upper bounds, ascending */
    size_t bound_count;
    bool is_time; /* stored in microseconds, shown in seconds */

    /* Set by metrics_open. */
    _Atomic int64_t *cells;                         /* NULL: not opened */
    const char *_Atomic *names[METRICS_LABELS_MAX]; /* of registered values */
};

/* Bounds for durations of requests and statements, 0.5 ms to 5 s. */
enum { METRICS_TIME_BOUNDS = 13 };
extern const int64_t metrics_time_bounds[METRICS_TIME_BOUNDS];

/*
 * Creates the cells of all families. `list` ends with NULL and is kept. Call it once per process, before the process
 * forks and before any metrics_value. False without memory.
 */
MUST_CHECK bool metrics_open(struct metrics_family *const *list);

/*
 * Returns the index of a value of the family's `label`-th label, and registers a new one. `value` is static text
 * without quotes and backslashes that existed before any fork. Returns the index of "other" if the value is not in the
 * set.
 */
size_t metrics_value(struct metrics_family *family, size_t label, const char *value);

/* The indices of labels that the family does not have are ignored: pass 0. */
void metrics_add(struct metrics_family *family, size_t first, size_t second, size_t third, int64_t amount);
void metrics_observe(struct metrics_family *family, size_t first, size_t second, int64_t value);
/*
 * Sets a gauge, of further labels the one with their first value. A negative `value` hides it, for example for a shard
 * that another worker has taken over.
 */
void metrics_set(struct metrics_family *family, size_t first, int64_t value);

/* Appends the text of all families (format version 0.0.4). False without memory. */
MUST_CHECK bool metrics_write(struct evbuffer *out);

#endif
