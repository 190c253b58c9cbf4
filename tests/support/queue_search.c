/*
 * See queue_search.h.
 */
#include "tests/support/queue_search.h"

#include <check.h>
#include <string.h>

enum { PREFETCH = 256 };

static void on_searched(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct queue_search *search = arg;
    if (memmem(delivery->body, delivery->length, search->text, strlen(search->text)) != NULL) {
        search->found++;
    }
    ck_assert(broker_ack(consumer, delivery->tag, false));
}

struct broker_consumer *queue_search_open(struct broker *broker, const char *queue, struct queue_search *search)
{
    struct broker_consumer_options options = {
        .queue = queue, .prefetch = PREFETCH, .deliver = on_searched, .arg = search};
    struct broker_consumer *consumer = broker_consume(broker, &options);
    ck_assert_ptr_nonnull(consumer);
    return consumer;
}
