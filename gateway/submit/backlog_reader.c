/*
 * See backlog_reader.h. A look sends two commands in one pipeline; the second answer ends it. A look that is not
 * answered skips the next ones, until Redis closes the connection at its timeout.
 */
#include "gateway/submit/backlog_reader.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

struct backlog_reader {
    struct backlog_reader_options options;
    struct event *tick;
    unsigned awaited; /* answers outstanding */
    bool reported;    /* that shards do not decide */
};

/* Reads one field of a hash. */
typedef void (*field_reader)(struct backlog *backlog, unsigned shard, const char *text, int64_t mono_ms);

static void read_report(struct backlog *backlog, unsigned shard, const char *text, int64_t mono_ms)
{
    struct shards_report report;
    if (shards_report_read(text, &report)) {
        backlog_report(backlog, shard, &report, mono_ms);
    }
}

static void read_depth(struct backlog *backlog, unsigned shard, const char *text, int64_t mono_ms)
{
    struct shards_depth depth;
    if (shards_depth_read(text, &depth)) {
        backlog_depth(backlog, shard, &depth, mono_ms);
    }
}

static void read_hash(const struct backlog_reader *reader, const redisReply *reply, field_reader read)
{
    int64_t mono_ms = clock_mono_ms();
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *field = reply->element[i];
        const redisReply *value = reply->element[i + 1];
        unsigned shard = 0;
        if (field->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
            shards_field_read(field->str, &shard)) {
            read(reader->options.backlog, shard, value->str, mono_ms);
        }
    }
}

/* The metrics, and a line in the log when it changes whether all shards decide. */
static void publish(struct backlog_reader *reader)
{
    const struct backlog *backlog = reader->options.backlog;
    const struct backlog_clock now = backlog_now();
    const struct backlog_summary summary = backlog_summary(backlog, reader->options.config->undecided_max_s, &now);
    for (unsigned shard = 0; shard < backlog->shards; shard++) {
        reader->options.measured(shard, backlog_age_ms(backlog, shard, &now), backlog_ready(backlog, shard, &now),
                                 backlog_decides(backlog, shard, &now));
    }
    if (summary.stopped > 0 && !reader->reported) {
        log_error("%s: %u of %u shards have stopped deciding; the oldest command waits for %" PRId64 " ms",
                  reader->options.family->commands, summary.stopped, backlog->shards, summary.oldest_ms);
    } else if (summary.stopped == 0 && reader->reported) {
        log_info("%s: no shard is known any more to have stopped deciding", reader->options.family->commands);
    }
    reader->reported = summary.stopped > 0;
}

static void end_look(struct backlog_reader *reader, const redisReply *reply)
{
    const struct backlog_clock now = backlog_now();
    if (--reader->awaited == 0 && reply != NULL && reply->type == REDIS_REPLY_ARRAY) {
        backlog_judge(reader->options.backlog, &now);
    }
}

static void on_reports(const redisReply *reply, void *arg)
{
    read_hash(arg, reply, read_report);
    end_look(arg, reply);
}

static void on_depths(const redisReply *reply, void *arg)
{
    read_hash(arg, reply, read_depth);
    end_look(arg, reply);
}

static void look(struct backlog_reader *reader)
{
    const char *const reports[] = {"HGETALL", reader->options.family->topology->reports_key};
    const char *const depths[] = {"HGETALL", reader->options.family->topology->depths_key};
    struct redis *redis = reader->options.redis;
    if (redis_up(redis)) {
        reader->awaited += redis_command(redis, on_reports, reader, (int)ARRAY_LEN(reports), reports, NULL);
        reader->awaited += redis_command(redis, on_depths, reader, (int)ARRAY_LEN(depths), depths, NULL);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct backlog_reader *reader = arg;
    const struct deployment *deployment = reader->options.deployment;
    (void)fd;
    (void)what;
    if (!deployment->known) {
        return;
    }
    if (reader->options.backlog->shards == 0) {
        backlog_begin(reader->options.backlog, deployment->facts.shards, reader->options.config->ownership_poll_ms);
    }
    publish(reader); /* what the last look found */
    if (reader->awaited == 0) {
        look(reader);
    }
}

struct backlog_reader *backlog_reader_new(const struct backlog_reader_options *options)
{
    struct backlog_reader *reader = calloc(1, sizeof(*reader));
    const struct timeval every = {BACKLOG_LOOK_MS / 1000, (BACKLOG_LOOK_MS % 1000) * 1000L};
    if (reader == NULL) {
        return NULL;
    }
    reader->options = *options;
    reader->tick = event_new(options->base, -1, EV_PERSIST, on_tick, reader);
    if (reader->tick == NULL || event_add(reader->tick, &every) != 0) {
        backlog_reader_free(reader);
        return NULL;
    }
    return reader;
}

void backlog_reader_free(struct backlog_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->tick != NULL) {
        event_free(reader->tick);
    }
    free(reader);
}
