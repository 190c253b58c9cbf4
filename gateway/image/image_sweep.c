/*
 * See image_sweep.h. A row is first marked as being removed, so that uploads of the same content are refused
 * (IMAGE_NOTE in image_owner.c). Then the file is removed, and then the row. If a worker dies in between, the row
 * becomes overdue again a little later.
 */
#include "gateway/image/image_sweep.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/timer.h"
#include "gateway/core/workpool.h"
#include "gateway/image/imagestore.h"

enum {
    FILES_MAX = 64, /* removed in one sweep */
    FILES_TEXT_SIZE = FILES_MAX * UUID_TEXT_SIZE + 2,
};

/* Whether an image uses the file of the row `l`. */
#define USED                                                                                                           \
    "(EXISTS (SELECT FROM images i WHERE i.files @> ARRAY[l.file])"                                                    \
    " OR EXISTS (SELECT FROM product_images p WHERE p.files @> ARRAY[l.file]))"

enum { SWEEP_TAKE, SWEEP_STRIKE, SWEEP_COUNT };

static const struct pg_statement list[] = {
    [SWEEP_TAKE] = {"image_sweep_take",
                    "UPDATE image_leftovers SET removing = true, due = now() + interval '5 minutes'"
                    " WHERE file IN (SELECT l.file FROM image_leftovers l WHERE l.due < now() AND NOT " USED
                    " ORDER BY l.due LIMIT 64 FOR UPDATE SKIP LOCKED) RETURNING file"},
    /* Removes the rows of removed files, and overdue rows of files that an image uses. */
    [SWEEP_STRIKE] = {"image_sweep_strike",
                      "DELETE FROM image_leftovers l WHERE l.file = ANY ($1::uuid[]) OR (l.due < now()"
                      " AND " USED ")"},
};
static_assert(ARRAY_LEN(list) == SWEEP_COUNT, "each statement has its entry");

struct statements image_sweep_statements = {list, ARRAY_LEN(list), 0};

struct image_sweep {
    struct image_sweep_options options;
    bool draining;
    struct event *timer;
    size_t count;
    struct uuid files[FILES_MAX];
    bool removed[FILES_MAX];
};

static void on_struck(const struct pg_reply *reply, void *arg)
{
    struct image_sweep *sweep = arg;
    if (reply->outcome == PG_OK) {
        log_debug("%zu unused image files removed", sweep->count);
    }
    timer_set(sweep->timer, sweep->options.every_s * INT64_C(1000));
}

/* The rows of files that could not be removed stay, and become overdue again. */
static void on_removed(void *arg)
{
    struct image_sweep *sweep = arg;
    char text[FILES_TEXT_SIZE] = "{";
    size_t length = 1;
    for (size_t i = 0; i < sweep->count; i++) {
        if (sweep->removed[i]) {
            if (length > 1) {
                text[length++] = ',';
            }
            uuid_format(&sweep->files[i], text + length);
            length += UUID_TEXT_SIZE - 1;
        }
    }
    text[length] = '}';
    text[length + 1] = '\0';
    const char *values[] = {text};
    if (!statements_query(sweep->options.pg, &image_sweep_statements, SWEEP_STRIKE, ARRAY_LEN(values), values,
                          on_struck, sweep)) {
        timer_set(sweep->timer, sweep->options.every_s * INT64_C(1000));
    }
}

/* Runs on a thread of the workpool. */
static void work_remove(void *arg)
{
    struct image_sweep *sweep = arg;
    for (size_t i = 0; i < sweep->count; i++) {
        sweep->removed[i] = imagestore_remove(sweep->options.store, &sweep->files[i]) != IMAGESTORE_DOWN;
    }
}

static void on_taken(const struct pg_reply *reply, void *arg)
{
    struct image_sweep *sweep = arg;
    sweep->count = 0;
    if (reply->outcome == PG_OK) {
        for (int row = 0; row < PQntuples(reply->result) && sweep->count < FILES_MAX; row++) {
            sweep->files[sweep->count++] = pg_uuid(reply->result, row, 0);
        }
    }
    if (reply->outcome != PG_OK || !workpool_run(sweep->options.pool, work_remove, on_removed, sweep)) {
        timer_set(sweep->timer, sweep->options.every_s * INT64_C(1000));
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct image_sweep *sweep = arg;
    (void)fd;
    (void)what;
    if (sweep->draining ||
        !statements_query(sweep->options.pg, &image_sweep_statements, SWEEP_TAKE, 0, NULL, on_taken, sweep)) {
        timer_set(sweep->timer, sweep->options.every_s * INT64_C(1000));
    }
}

struct image_sweep *image_sweep_new(const struct image_sweep_options *options)
{
    struct image_sweep *sweep = calloc(1, sizeof(*sweep));
    if (sweep == NULL) {
        return NULL;
    }
    *sweep = (struct image_sweep){.options = *options};
    sweep->timer = event_new(options->base, -1, 0, do_sweep, sweep);
    if (sweep->timer == NULL) {
        image_sweep_free(sweep);
        return NULL;
    }
    timer_set(sweep->timer, sweep->options.every_s * INT64_C(1000));
    return sweep;
}

void image_sweep_drain(struct image_sweep *sweep)
{
    sweep->draining = true;
}

void image_sweep_free(struct image_sweep *sweep)
{
    if (sweep == NULL) {
        return;
    }
    if (sweep->timer != NULL) {
        event_free(sweep->timer);
    }
    free(sweep);
}
