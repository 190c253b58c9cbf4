/*
 * See metrics.h. One anonymous shared mapping holds the cells of all families. A histogram series has a cell for each
 * bound, one for values above the last bound, and one for the sum. The cell of a gauge holds its value plus one; 0
 * means "no value".
 *
 * A series with labels is shown only after its first count, which keeps the text short.
 */
#include "common/base/metrics.h"

#include <assert.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
    LABELS_SIZE = 512, /* the text between the braces */
    NUMBER_SIZE = 32,
    MICROS = 1000000,
};

const int64_t metrics_time_bounds[METRICS_TIME_BOUNDS] = {500,    1000,   2500,   5000,    10000,   25000,  50000,
                                                          100000, 250000, 500000, 1000000, 2500000, 5000000};

static struct metrics_family *const *families; /* the list of metrics_open */

static const char other[] = "other";

/* ---- cells ---- */

static size_t cells_of_series(const struct metrics_family *family)
{
    return family->type == METRICS_HISTOGRAM ? family->bound_count + 2 : 1;
}

static size_t series_count(const struct metrics_family *family)
{
    size_t count = 1;
    for (size_t i = 0; i < family->label_count; i++) {
        count *= family->labels[i].most + 1;
    }
    return count;
}

static size_t registered_names(const struct metrics_family *family)
{
    size_t count = 0;
    for (size_t i = 0; i < family->label_count; i++) {
        count += family->labels[i].values == NULL ? family->labels[i].most : 0;
    }
    return count;
}

/* The first cell of a series. */
static _Atomic int64_t *series(const struct metrics_family *family, const size_t index[static METRICS_LABELS_MAX])
{
    size_t place = 0;
    for (size_t i = 0; i < family->label_count; i++) {
        size_t most = family->labels[i].most;
        place = place * (most + 1) + (index[i] < most ? index[i] : most);
    }
    return &family->cells[place * cells_of_series(family)];
}

bool metrics_open(struct metrics_family *const *list)
{
    size_t cells = 0;
    size_t names = 0;
    for (size_t i = 0; list[i] != NULL; i++) {
        assert(list[i]->label_count <= METRICS_LABELS_MAX);
        cells += series_count(list[i]) * cells_of_series(list[i]);
        names += registered_names(list[i]);
    }
    assert(cells <= METRICS_CELLS_MAX);
    size_t size = cells * sizeof(_Atomic int64_t) + names * sizeof(const char *_Atomic);
    void *memory = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    _Atomic int64_t *cell = memory;
    void *behind = (char *)memory + cells * sizeof(*cell);
    const char *_Atomic *name = behind;
    for (size_t i = 0; list[i] != NULL; i++) {
        struct metrics_family *family = list[i];
        family->cells = cell;
        cell += series_count(family) * cells_of_series(family);
        for (size_t label = 0; label < family->label_count; label++) {
            if (family->labels[label].values == NULL) {
                family->names[label] = name;
                name += family->labels[label].most;
            }
        }
    }
    families = list;
    return true;
}

static size_t find_fixed(const struct metrics_label *label, const char *value)
{
    size_t i = 0;
    while (i < label->most && strcmp(label->values[i], value) != 0) {
        i++;
    }
    return i;
}

size_t metrics_value(struct metrics_family *family, size_t label, const char *value)
{
    const struct metrics_label *of = &family->labels[label];
    if (family->cells == NULL) {
        return 0;
    }
    if (of->values != NULL) {
        return find_fixed(of, value);
    }
    for (size_t i = 0; i < of->most; i++) {
        const char *_Atomic *place = &family->names[label][i];
        const char *there = atomic_load(place);
        /* Another process may have claimed the entry first; `there` is then its value. */
        if (there == NULL && atomic_compare_exchange_strong(place, &there, value)) {
            return i;
        }
        if (there == value || strcmp(there, value) == 0) {
            return i;
        }
    }
    return of->most;
}

/* ---- counting ---- */

static void add(_Atomic int64_t *cell, int64_t amount)
{
    atomic_fetch_add_explicit(cell, amount, memory_order_relaxed);
}

void metrics_add(struct metrics_family *family, size_t first, size_t second, size_t third, int64_t amount)
{
    const size_t index[METRICS_LABELS_MAX] = {first, second, third};
    assert(family->type == METRICS_COUNTER && amount >= 0);
    if (family->cells != NULL) {
        add(series(family, index), amount);
    }
}

void metrics_observe(struct metrics_family *family, size_t first, size_t second, int64_t value)
{
    const size_t index[METRICS_LABELS_MAX] = {first, second, 0};
    size_t bucket = 0;
    assert(family->type == METRICS_HISTOGRAM);
    if (family->cells == NULL) {
        return;
    }
    _Atomic int64_t *cells = series(family, index);
    while (bucket < family->bound_count && value > family->bounds[bucket]) {
        bucket++;
    }
    add(&cells[bucket], 1);
    add(&cells[family->bound_count + 1], value < 0 ? 0 : value);
}

void metrics_set(struct metrics_family *family, size_t first, int64_t value)
{
    const size_t index[METRICS_LABELS_MAX] = {first, 0, 0};
    assert(family->type == METRICS_GAUGE);
    if (family->cells != NULL) {
        atomic_store_explicit(series(family, index), value < 0 ? 0 : value + 1, memory_order_relaxed);
    }
}

/* ---- text ---- */

struct text {
    struct evbuffer *out;
    const struct metrics_family *family;
    bool ok;
};

static const char *value_name(const struct metrics_family *family, size_t label, size_t index)
{
    const struct metrics_label *of = &family->labels[label];
    if (index == of->most) {
        return other;
    }
    return of->values != NULL ? of->values[index] : atomic_load(&family->names[label][index]);
}

static const char *number(const struct metrics_family *family, int64_t value, char out[static NUMBER_SIZE])
{
    if (family->is_time) {
        (void)snprintf(out, NUMBER_SIZE, "%" PRId64 ".%06" PRId64, value / MICROS, value % MICROS);
    } else {
        (void)snprintf(out, NUMBER_SIZE, "%" PRId64, value);
    }
    return out;
}

static int64_t value_of(const _Atomic int64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* One line; `more` is an additional label ("le") or "". */
static void put_line(struct text *text, const char *suffix, const char *labels, const char *more, const char *value)
{
    const char *comma = labels[0] != '\0' && more[0] != '\0' ? "," : "";
    bool braces = labels[0] != '\0' || more[0] != '\0';
    int added = evbuffer_add_printf(text->out, "%s%s%s%s%s%s%s %s\n", text->family->name, suffix, braces ? "{" : "",
                                    labels, comma, more, braces ? "}" : "", value);
    text->ok = text->ok && added > 0;
}

static void put_histogram(struct text *text, const _Atomic int64_t *cells, const char *labels)
{
    const struct metrics_family *family = text->family;
    char bound[NUMBER_SIZE];
    char value[NUMBER_SIZE];
    char le[NUMBER_SIZE + sizeof("le=\"\"")];
    int64_t count = 0;
    for (size_t i = 0; i <= family->bound_count; i++) {
        count += value_of(&cells[i]);
        (void)snprintf(le, sizeof(le), "le=\"%s\"",
                       i < family->bound_count ? number(family, family->bounds[i], bound) : "+Inf");
        (void)snprintf(value, sizeof(value), "%" PRId64, count);
        put_line(text, "_bucket", labels, le, value);
    }
    put_line(text, "_sum", labels, "", number(family, value_of(&cells[family->bound_count + 1]), value));
    (void)snprintf(value, sizeof(value), "%" PRId64, count);
    put_line(text, "_count", labels, "", value);
}

static bool is_zero(const struct metrics_family *family, const _Atomic int64_t *cells)
{
    for (size_t i = 0; i < cells_of_series(family); i++) {
        if (value_of(&cells[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void put_series(struct text *text, const size_t index[static METRICS_LABELS_MAX])
{
    const struct metrics_family *family = text->family;
    const _Atomic int64_t *cells = series(family, index);
    char labels[LABELS_SIZE] = "";
    char value[NUMBER_SIZE];
    size_t length = 0;
    if ((family->label_count > 0 || family->type == METRICS_GAUGE) && is_zero(family, cells)) {
        return;
    }
    for (size_t i = 0; i < family->label_count; i++) {
        int added = snprintf(labels + length, sizeof(labels) - length, "%s%s=\"%s\"", i > 0 ? "," : "",
                             family->labels[i].name, value_name(family, i, index[i]));
        assert(added > 0 && (size_t)added < sizeof(labels) - length);
        length += (size_t)added;
    }
    if (family->type == METRICS_HISTOGRAM) {
        put_histogram(text, cells, labels);
    } else {
        int64_t held = value_of(cells);
        put_line(text, "", labels, "", number(family, family->type == METRICS_GAUGE ? held - 1 : held, value));
    }
}

static void put_family(struct text *text)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_HISTOGRAM] = "histogram"};
    static_assert(ARRAY_LEN(types) == METRICS_TYPE_COUNT, "a word for each type");
    const struct metrics_family *family = text->family;
    size_t index[METRICS_LABELS_MAX] = {0};
    if (evbuffer_add_printf(text->out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                            types[family->type]) < 0) {
        text->ok = false;
    }
    for (size_t i = 0; i < series_count(family); i++) {
        size_t rest = i;
        for (size_t label = family->label_count; label > 0; label--) {
            size_t values = family->labels[label - 1].most + 1;
            index[label - 1] = rest % values;
            rest /= values;
        }
        put_series(text, index);
    }
}

bool metrics_write(struct evbuffer *out)
{
    struct text text = {.out = out, .ok = true};
    for (size_t i = 0; families != NULL && families[i] != NULL; i++) {
        text.family = families[i];
        put_family(&text);
    }
    return text.ok;
}
