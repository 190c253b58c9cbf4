/*
 * See auction_writer.h. Nothing of a message is kept but what the statements need.
 */
#include "notifyworker/auction_writer.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/message.h"
#include "notifyworker/deployment_webhooks.h"
#include "notifyworker/recipients.h"
#include "notifyworker/watchers.h"

struct auction_writer {
    struct watchers *watchers;
    struct recipients *recipients;
    struct deployment_webhooks *deployment_webhooks; /* of the same events and some more */
    struct auction_event *events;                    /* of the message being parsed, MESSAGE_EVENTS_MAX */
};

static void writer_reset(void *arg)
{
    struct auction_writer *writer = arg;
    recipients_reset(writer->recipients);
    deployment_webhooks_reset(writer->deployment_webhooks);
}

static void log_traced(const struct auction_event *event)
{
    if (event->traceparent[0] != '\0') {
        struct log_about about = {.traceparent = event->traceparent,
                                  .user_id = uuid_is_nil(&event->user_id) ? NULL : &event->user_id,
                                  .auction_id = &event->auction_id,
                                  .duration_ms = clock_now_ms() - event->at_ms};
        log_line(LOG_INFO, &about, "notifying: %s", message_event_text(event->kind));
    }
}

/* Collects the events of one message, or marks it dead. False: no memory. */
static bool writer_collect(void *arg, struct inapp_message *message)
{
    struct auction_writer *writer = arg;
    size_t count = 0;
    const char *reason = NULL;
    if (!message_read_events(message->body, message->length, writer->events, MESSAGE_EVENTS_MAX, &count, &reason)) {
        log_error("a message cannot be parsed and becomes a dead letter: %s", reason);
        message->dead = reason;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!recipients_add(writer->recipients, &writer->events[i])) {
            return false;
        }
        watchers_moved(writer->watchers, &writer->events[i].auction_id);
        log_traced(&writer->events[i]);
        deployment_webhooks_add(writer->deployment_webhooks, &writer->events[i]);
    }
    return true;
}

/* Each event with a notification is also one for webhooks of the deployment. */
static size_t writer_count(const void *arg)
{
    const struct auction_writer *writer = arg;
    return deployment_webhooks_count(writer->deployment_webhooks);
}

static bool writer_send(void *arg, struct pg_tx *tx)
{
    struct auction_writer *writer = arg;
    return recipients_send(writer->recipients, tx) && deployment_webhooks_send(writer->deployment_webhooks, tx);
}

static void writer_committed(void *arg)
{
    struct auction_writer *writer = arg;
    recipients_committed(writer->recipients);
}

const struct inapp_writer auction_writer_calls = {writer_reset, writer_collect, writer_count, writer_send,
                                                  writer_committed};

struct auction_writer *auction_writer_new(size_t first_of_webhooks, struct push *push, struct watchers *watchers)
{
    struct auction_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return NULL;
    }
    writer->watchers = watchers;
    writer->recipients = recipients_new(push);
    writer->deployment_webhooks = deployment_webhooks_new(first_of_webhooks);
    writer->events = calloc(MESSAGE_EVENTS_MAX, sizeof(*writer->events));
    if (writer->recipients == NULL || writer->deployment_webhooks == NULL || writer->events == NULL) {
        auction_writer_free(writer);
        return NULL;
    }
    return writer;
}

void auction_writer_free(struct auction_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    recipients_free(writer->recipients);
    deployment_webhooks_free(writer->deployment_webhooks);
    free(writer->events);
    free(writer);
}
