/*
 * rostrumctl dead-letters: prints dead letters without removing them. First those in table dead_letters, which the
 * notification worker writes and admins requeue or drop. Then those that wait in the queue because no notification
 * worker runs.
 *
 * The queue's messages are consumed without acknowledgement on one channel; closing it requeues them in their order.
 * All are consumed even if only some are printed: a quorum queue appends returned messages to those returned before, so
 * a partial read would change the order. During the read no other consumer can get them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"
#include "deploy/ctl/store.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, REASON_SIZE = 256, NUMBER_SIZE = 16 };

struct options {
    uint32_t limit;
    bool body;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    for (int i = 0; i < argc; i++) {
        char *end = NULL;
        if (strcmp(argv[i], "--body") == 0) {
            options->body = true;
        } else if (strcmp(argv[i], "--limit") == 0 && i + 1 < argc) {
            unsigned long limit = strtoul(argv[++i], &end, 10);
            if (*end != '\0' || limit < 1 || limit > LIMIT_MAX) {
                return false;
            }
            options->limit = (uint32_t)limit;
        } else {
            return false;
        }
    }
    return true;
}

static void copy_reason(const amqp_basic_properties_t *properties, char out[static REASON_SIZE])
{
    (void)snprintf(out, REASON_SIZE, "-");
    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) == 0) {
        return;
    }
    for (int i = 0; i < properties->headers.num_entries; i++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[i];
        bool text = entry->value.kind == AMQP_FIELD_KIND_UTF8 || entry->value.kind == AMQP_FIELD_KIND_BYTES;
        if (text && entry->key.len == strlen("reason") && memcmp(entry->key.bytes, "reason", entry->key.len) == 0) {
            (void)snprintf(out, REASON_SIZE, "%.*s", (int)entry->value.value.bytes.len,
                           (const char *)entry->value.value.bytes.bytes);
        }
    }
}

/* Prints untrusted bytes; replaces those that could control a terminal. */
static void print_plain(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++) {
        (void)putchar(at[i] < ' ' || at[i] == 0x7f ? '.' : at[i]);
    }
}

static void print_dead_letter(uint32_t number, const amqp_envelope_t *envelope, bool body)
{
    char reason[REASON_SIZE];
    const amqp_message_t *message = &envelope->message;
    bool named = (message->properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0;
    copy_reason(&message->properties, reason);
    (void)printf("%6" PRIu32 "  ", number);
    print_plain(envelope->routing_key.bytes, envelope->routing_key.len);
    (void)printf("  %zu bytes  ", message->body.len);
    if (named) {
        print_plain(message->properties.message_id.bytes, message->properties.message_id.len);
    } else {
        (void)putchar('-');
    }
    (void)fputs("  ", stdout);
    print_plain(reason, strlen(reason));
    (void)putchar('\n');
    if (body) {
        (void)fputs("        ", stdout);
        print_plain(message->body.bytes, message->body.len);
        (void)putchar('\n');
    }
}

/* Consumes `count` dead letters and prints the first of them. Returns false after printing an error. */
static bool read_dead_letters(struct ctl *ctl, uint32_t count, const struct options *options)
{
    const struct timeval patience = {.tv_sec = RABBIT_TIMEOUT_S};
    for (uint32_t number = 1; number <= count; number++) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(ctl->amqp);
        amqp_rpc_reply_t reply = amqp_consume_message(ctl->amqp, &envelope, &patience, 0);
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
            ctl_report_error("RabbitMQ: only %" PRIu32 " of %" PRIu32
                             " dead letters were delivered; another consumer may hold the others",
                             number - 1, count);
            return false;
        }
        if (number <= options->limit) {
            print_dead_letter(number, &envelope, options->body);
        }
        amqp_destroy_envelope(&envelope);
    }
    return true;
}

static int show_dead_letters(struct ctl *ctl, uint32_t count, const struct options *options)
{
    char reason[RABBIT_ERROR_SIZE];
    (void)amqp_basic_consume(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(TOPOLOGY_DEAD_QUEUE), amqp_empty_bytes,
                             /* no_local */ 0, /* no_ack */ 0, /* exclusive */ 0, amqp_empty_table);
    if (rabbit_failed(ctl, reason)) {
        ctl_report_error("RabbitMQ: %s", reason);
        return CTL_FAILED;
    }
    bool ok = read_dead_letters(ctl, count, options);
    (void)amqp_channel_close(ctl->amqp, RABBIT_CHANNEL, AMQP_REPLY_SUCCESS);
    if (ok) {
        (void)printf("%" PRIu32 " of %" PRIu32 " dead letters in the queue\n",
                     count < options->limit ? count : options->limit, count);
    }
    return ok ? CTL_OK : CTL_FAILED;
}

/* Prints the dead letters of the table, newest first. Returns false after printing an error. */
static bool show_rows(struct ctl *ctl, const struct options *options)
{
    enum { ID, KEY, LENGTH, TIMES, REQUEUED, REASON, BODY };
    char limit[NUMBER_SIZE];
    const char *const values[] = {limit};
    (void)snprintf(limit, sizeof limit, "%" PRIu32, options->limit);
    PGresult *result = store_run(ctl,
                                 "SELECT id, routing_key, length(body), times, requeued_at IS NOT NULL, reason,"
                                 " encode(body, 'escape') FROM dead_letters ORDER BY created_at DESC, id DESC"
                                 " LIMIT $1::bigint",
                                 1, values);
    int rows = result == NULL ? 0 : PQntuples(result);
    for (int row = 0; row < rows; row++) {
        (void)printf("%s  %s  %" PRId64 " bytes  %" PRId64 " times%s  ", pg_text(result, row, ID),
                     pg_text(result, row, KEY), pg_int(result, row, LENGTH), pg_int(result, row, TIMES),
                     pg_bool(result, row, REQUEUED) ? ", requeued" : "");
        print_plain(pg_text(result, row, REASON), strlen(pg_text(result, row, REASON)));
        (void)putchar('\n');
        if (options->body) {
            (void)fputs("        ", stdout);
            print_plain(pg_text(result, row, BODY), strlen(pg_text(result, row, BODY)));
            (void)putchar('\n');
        }
    }
    PQclear(result);
    return result != NULL;
}

int deadletters_command(struct ctl *ctl, int argc, char **argv)
{
    struct options options = {.limit = LIMIT_DEFAULT};
    struct rabbit_queue queue;
    if (!read_options(argc, argv, &options)) {
        ctl_report_error("dead-letters takes [--limit N] [--body], N from 1 to %d", LIMIT_MAX);
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    if (!show_rows(ctl, &options)) {
        return CTL_FAILED;
    }
    if (!rabbit_open(ctl) || !rabbit_look(ctl, TOPOLOGY_DEAD_QUEUE, &queue)) {
        return CTL_UNAVAILABLE;
    }
    if (!queue.there) {
        ctl_report_error("the queue of dead letters does not exist: run `rostrumctl migrate`");
        return CTL_FAILED;
    }
    return show_dead_letters(ctl, queue.ready, &options);
}
