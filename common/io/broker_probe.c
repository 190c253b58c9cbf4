/*
 * See broker_probe.h.
 */
#include "common/io/broker_probe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"

enum {
    PROBES_MAX = 256, /* of a connection: TOPOLOGY_SHARDS_MAX of bids, as many of sales, and the other queues */
    PROBE_RETRY_MS = 500,
    PROBE_NACKS_MAX = 16, /* of one probe; then its queue is full */
};

enum probe_state { PROBE_WAITING, PROBE_SENT, PROBE_ANSWERED };

struct probe {
    struct broker_prober *prober;
    char *exchange;
    char *routing_key;
    enum probe_state state;
    int nacks;
    bool renewing; /* sent again, and without a verdict */
    TAILQ_ENTRY(probe) list;
};

struct broker_prober {
    broker_probe_publish publish;
    void *connection;
    struct event *retry;
    bool up;
    size_t answered;
    size_t count;
    int64_t since_ms;     /* the last time when the connection came up, resumed or got a probe; monotonic */
    int64_t renewed_ms;   /* the last renewal; monotonic; 0: none yet */
    int64_t confirmed_ms; /* the last confirm of a probe on this connection; monotonic; 0: none yet */
    TAILQ_HEAD(, probe) probes;
};

static void note(struct broker_prober *prober, enum broker_verdict verdict)
{
    if (verdict == BROKER_CONFIRMED) {
        prober->confirmed_ms = clock_mono_ms();
    }
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    struct probe *probe = arg;
    struct broker_prober *prober = probe->prober;
    note(prober, verdict);
    bool again = verdict == BROKER_NACKED && ++probe->nacks < PROBE_NACKS_MAX;
    if (verdict == BROKER_UNKNOWN || again) {
        probe->state = PROBE_WAITING;
        if (prober->up) {
            timer_set(prober->retry, PROBE_RETRY_MS);
        }
        return;
    }
    probe->state = PROBE_ANSWERED;
    prober->answered++;
}

static bool send_probe(const struct probe *probe, broker_verdict_callback callback, void *arg)
{
    const struct broker_message message = {
        .exchange = probe->exchange, .routing_key = probe->routing_key, .body = "", .type = BROKER_PROBE_TYPE};
    return probe->prober->publish(probe->prober->connection, &message, callback, arg);
}

static void send_waiting(struct broker_prober *prober)
{
    struct probe *probe = NULL;
    TAILQ_FOREACH(probe, &prober->probes, list)
    {
        if (probe->state != PROBE_WAITING) {
            continue;
        }
        if (!send_probe(probe, on_verdict, probe)) {
            timer_set(prober->retry, PROBE_RETRY_MS);
            return;
        }
        probe->state = PROBE_SENT;
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_waiting(arg);
}

static void probe_free(struct probe *probe)
{
    free(probe->exchange);
    free(probe->routing_key);
    free(probe);
}

bool broker_prober_add(struct broker_prober *prober, const char *exchange, const char *routing_key)
{
    struct probe *probe = prober->count < PROBES_MAX ? calloc(1, sizeof *probe) : NULL;
    if (probe == NULL) {
        return false;
    }
    probe->prober = prober;
    probe->exchange = strdup(exchange);
    probe->routing_key = strdup(routing_key);
    if (probe->exchange == NULL || probe->routing_key == NULL) {
        probe_free(probe);
        return false;
    }
    TAILQ_INSERT_TAIL(&prober->probes, probe, list);
    prober->count++;
    prober->since_ms = clock_mono_ms();
    if (prober->up) {
        send_waiting(prober);
    }
    return true;
}

struct broker_prober *broker_prober_new(struct event_base *base, broker_probe_publish publish, void *connection)
{
    struct broker_prober *prober = calloc(1, sizeof *prober);
    if (prober == NULL) {
        return NULL;
    }
    prober->publish = publish;
    prober->connection = connection;
    TAILQ_INIT(&prober->probes);
    prober->retry = evtimer_new(base, on_retry, prober);
    if (prober->retry == NULL) {
        broker_prober_free(prober);
        return NULL;
    }
    return prober;
}

void broker_prober_free(struct broker_prober *prober)
{
    if (prober == NULL) {
        return;
    }
    struct probe *probe = NULL;
    while ((probe = TAILQ_FIRST(&prober->probes)) != NULL) {
        TAILQ_REMOVE(&prober->probes, probe, list);
        probe_free(probe);
    }
    if (prober->retry != NULL) {
        event_free(prober->retry);
    }
    free(prober);
}

void broker_prober_start(struct broker_prober *prober)
{
    prober->up = true;
    prober->since_ms = clock_mono_ms();
    send_waiting(prober);
}

void broker_prober_stop(struct broker_prober *prober)
{
    prober->up = false;
    (void)evtimer_del(prober->retry);
    prober->answered = 0;
    prober->renewed_ms = 0;
    prober->confirmed_ms = 0;
    struct probe *probe = NULL;
    TAILQ_FOREACH(probe, &prober->probes, list)
    {
        probe->state = PROBE_WAITING;
        probe->nacks = 0;
        assert(!probe->renewing);
    }
}

static void on_renewed(enum broker_verdict verdict, void *arg)
{
    struct probe *probe = arg;
    note(probe->prober, verdict);
    probe->renewing = false;
}

void broker_prober_renew(struct broker_prober *prober)
{
    struct probe *probe = NULL;
    if (!prober->up || (prober->renewed_ms != 0 && clock_mono_ms() - prober->renewed_ms < BROKER_PROBE_RENEW_MS)) {
        return;
    }
    prober->renewed_ms = clock_mono_ms();
    TAILQ_FOREACH(probe, &prober->probes, list)
    {
        if (probe->state == PROBE_ANSWERED && !probe->renewing) {
            probe->renewing = send_probe(probe, on_renewed, probe);
        }
    }
}

void broker_prober_resume(struct broker_prober *prober)
{
    prober->since_ms = clock_mono_ms();
}

bool broker_prober_proved(const struct broker_prober *prober)
{
    return prober->up && prober->answered == prober->count;
}

bool broker_prober_fresh(const struct broker_prober *prober, int64_t ms)
{
    return prober->count == 0 || (prober->confirmed_ms != 0 && clock_mono_ms() - prober->confirmed_ms < ms);
}

int64_t broker_prober_waiting_ms(const struct broker_prober *prober)
{
    return prober->up && !broker_prober_proved(prober) ? clock_mono_ms() - prober->since_ms : 0;
}
