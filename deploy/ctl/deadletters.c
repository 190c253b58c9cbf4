/*
 * rostrumctl dead-letters: looks at the dead letters without taking them. They are got without acknowledgement on one
 * channel, and closing it puts them back where they were, in their order; so does the broker when rostrumctl is killed.
 * For that moment nobody else can get them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/topology.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, REASON_SIZE = 256 };

struct wish {
    uint32_t limit;
    bool body;
};

static bool read_wish(int argc, char **argv, struct wish *wish)
{
    for (int i = 0; i < argc; i++) {
        char *end = NULL;
        if (strcmp(argv[i], "--body") == 0) {
            wish->body = true;
        } else if (strcmp(argv[i], "--limit") == 0 && i + 1 < argc) {
            unsigned long limit = strtoul(argv[++i], &end, 10);
            if (*end != '\0' || limit < 1 || limit > LIMIT_MAX) {
                return false;
            }
            wish->limit = (uint32_t)limit;
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

/* Bytes of strangers, so that they cannot steer a terminal. */
static void print_plain(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++) {
        (void)putchar(at[i] < ' ' || at[i] == 0x7f ? '.' : at[i]);
    }
}

static void print_letter(uint32_t number, const amqp_basic_get_ok_t *got, const amqp_message_t *message, bool body)
{
    char reason[REASON_SIZE];
    bool named = (message->properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0;
    copy_reason(&message->properties, reason);
    (void)printf("%6" PRIu32 "  ", number);
    print_plain(got->routing_key.bytes, got->routing_key.len);
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

/* One more letter; false at the end, or with *good false when the broker failed. */
static bool get_letter(struct ctl *ctl, uint32_t number, bool body, bool *good)
{
    amqp_message_t message;
    amqp_rpc_reply_t reply =
        amqp_basic_get(ctl->amqp, RABBIT_CHANNEL, amqp_cstring_bytes(TOPOLOGY_DEAD_QUEUE), /* no_ack */ 0);
    *good = reply.reply_type == AMQP_RESPONSE_NORMAL;
    if (!*good || reply.reply.id != AMQP_BASIC_GET_OK_METHOD) {
        return false;
    }
    const amqp_basic_get_ok_t *got = reply.reply.decoded;
    reply = amqp_read_message(ctl->amqp, RABBIT_CHANNEL, &message, 0);
    *good = reply.reply_type == AMQP_RESPONSE_NORMAL;
    if (*good) {
        print_letter(number, got, &message, body);
        amqp_destroy_message(&message);
    }
    /* The channel's memory is let go of only here: `got` lies in it. */
    amqp_maybe_release_buffers_on_channel(ctl->amqp, RABBIT_CHANNEL);
    return *good;
}

int deadletters_command(struct ctl *ctl, int argc, char **argv)
{
    struct wish wish = {.limit = LIMIT_DEFAULT};
    struct rabbit_queue queue;
    bool good = true;
    uint32_t shown = 0;
    if (!read_wish(argc, argv, &wish)) {
        ctl_complain("dead-letters takes [--limit N] [--body], N from 1 to %d", LIMIT_MAX);
        return CTL_USAGE;
    }
    if (!rabbit_open(ctl) || !rabbit_look(ctl, TOPOLOGY_DEAD_QUEUE, &queue)) {
        return CTL_UNAVAILABLE;
    }
    if (!queue.there) {
        ctl_complain("there is no queue of dead letters: run `rostrumctl migrate`");
        return CTL_FAILED;
    }
    while (shown < wish.limit && get_letter(ctl, shown + 1, wish.body, &good)) {
        shown++;
    }
    (void)amqp_channel_close(ctl->amqp, RABBIT_CHANNEL, AMQP_REPLY_SUCCESS);
    if (!good) {
        ctl_complain("RabbitMQ broke off");
        return CTL_UNAVAILABLE;
    }
    (void)printf("%" PRIu32 " of %" PRIu32 " dead letters\n", shown, queue.ready > shown ? queue.ready : shown);
    return CTL_OK;
}
