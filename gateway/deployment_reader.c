/*
 * See deployment_reader.h.
 */
#include "gateway/deployment_reader.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "gateway/bid/receipt.h"
#include "gateway/core/token.h"

enum {
    RECORD_POLL_MS = 200, /* while the deployment is unknown */
    CLOCK_POLL_MS = 5000, /* between two readings of the clocks' offset and of the token keys */
};

enum { DEPLOYMENT_RECORD, DEPLOYMENT_CLOCK, DEPLOYMENT_TOKENS };

/* A key signs once it is older than three polls, so that every gateway has read it (DEPLOYMENT_TOKENS_CURRENT_MS). */
#define TOKEN_KEYS                                                                                                     \
    "(SELECT string_agg(secret, ',' ORDER BY created_at DESC, secret) FROM token_keys),"                               \
    " (SELECT count(*) FROM token_keys WHERE created_at > now() - interval '15 seconds')"

static const struct pg_statement list[] = {
    [DEPLOYMENT_RECORD] = {"gateway_deployment",
                           "SELECT t.shards, (SELECT secret FROM deployment_keys WHERE name = 'idempotency'),"
                           " (SELECT secret FROM deployment_keys WHERE name = 'pseudonym'),"
                           " (SELECT secret FROM deployment_keys WHERE name = 'receipt'),"
                           " " TOKEN_KEYS " FROM topology t WHERE " SCHEMA_IS_CURRENT},
    [DEPLOYMENT_TOKENS] = {"gateway_tokens", "SELECT " TOKEN_KEYS},
    [DEPLOYMENT_CLOCK] = {"gateway_clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
};

struct statements deployment_reader_statements = {list, ARRAY_LEN(list), 0};

struct deployment_reader {
    struct deployment_reader_options options;
    struct event *clock;     /* timer of the next poll */
    int64_t clock_asked_ms;  /* start of the running measurement, 0: none */
    int64_t tokens_asked_ms; /* monotonic start of the running query of the token keys, 0: none */
};

/* ---- the shared record ---- */

/* Fails if the record is empty or being written. */
static bool read_record(const struct deployment_record *record, struct deployment_facts *facts)
{
    unsigned version = atomic_load(&record->version);
    *facts = record->facts;
    atomic_thread_fence(memory_order_acquire);
    return version > 0 && version % 2 == 0 && atomic_load(&record->version) == version;
}

/*
 * If another worker is writing, or was killed while it wrote, nothing is written. Then later workers start without the
 * record, or with an older one, and read the facts from PostgreSQL.
 */
static void write_record(struct deployment_record *record, const struct deployment_facts *facts)
{
    unsigned version = atomic_load(&record->version);
    if (version % 2 == 0 && atomic_compare_exchange_strong(&record->version, &version, version + 1)) {
        record->facts = *facts;
        atomic_store(&record->version, version + 2);
    }
}

/* ---- the facts ---- */

static void become_known(struct deployment_reader *reader, const struct deployment_facts *facts)
{
    struct deployment *deployment = reader->options.deployment;
    deployment->facts = *facts;
    deployment->known = true;
    receipt_key_make(&deployment->receipts, facts->receipt);
    deployment->tokens = tokens_new(&facts->tokens);
    if (deployment->tokens == NULL || !reader->options.known(reader->options.arg)) {
        log_error("cannot serve the deployment: no memory");
        event_base_loopbreak(reader->options.base);
    }
}

static bool read_key(const PGresult *result, int column, uint8_t key[static DEPLOYMENT_KEY_BYTES])
{
    const char *text = pg_text(result, 0, column);
    size_t length = 0;
    return sodium_hex2bin(key, DEPLOYMENT_KEY_BYTES, text, strlen(text), NULL, &length, NULL) == 0 &&
           length == DEPLOYMENT_KEY_BYTES;
}

/* Reads seeds in hex, newest first, separated by commas, followed by the number of keys too young to sign. */
static bool read_token_keys(const PGresult *result, int column, struct token_keys *keys)
{
    const char *text = pg_text(result, 0, column);
    int64_t young = pg_int(result, 0, column + 1);
    *keys = (struct token_keys){.count = 0};
    while (keys->count < TOKEN_KEYS_MAX && *text != '\0') {
        size_t length = strcspn(text, ",");
        size_t bytes = 0;
        if (sodium_hex2bin(keys->seeds[keys->count], TOKEN_SEED_BYTES, text, length, NULL, &bytes, NULL) != 0 ||
            bytes != TOKEN_SEED_BYTES) {
            return false;
        }
        keys->count++;
        text += length;
        text += *text == ',';
    }
    keys->signer = (size_t)young < keys->count ? (size_t)young : keys->count - 1;
    return keys->count > 0;
}

static void token_keys_read(const struct pg_reply *reply, void *arg)
{
    struct deployment_reader *reader = arg;
    struct deployment *deployment = reader->options.deployment;
    struct deployment_facts recorded;
    struct token_keys keys;
    int64_t asked = reader->tokens_asked_ms;
    reader->tokens_asked_ms = 0;
    if (reply->outcome != PG_OK || !read_token_keys(reply->result, 0, &keys)) {
        return;
    }
    tokens_set(deployment->tokens, &keys);
    deployment->tokens_read_ms = asked;
    deployment->facts.tokens = keys;
    if (!read_record(reader->options.record, &recorded) || sodium_memcmp(&recorded.tokens, &keys, sizeof(keys)) != 0) {
        write_record(reader->options.record, &deployment->facts);
    }
    sodium_memzero(&recorded, sizeof(recorded));
    sodium_memzero(&keys, sizeof(keys));
}

static void facts_read(const struct pg_reply *reply, void *arg)
{
    struct deployment_reader *reader = arg;
    struct deployment_facts facts = {.shards = 0};
    if (reader->options.deployment->known || reply->outcome != PG_OK) {
        return;
    }
    if (PQntuples(reply->result) != 1) {
        log_warn(SCHEMA_MISSING);
        return;
    }
    facts.shards = (unsigned)pg_int(reply->result, 0, 0);
    if (facts.shards < 1 || facts.shards > TOPOLOGY_SHARDS_MAX || !read_key(reply->result, 1, facts.idempotency) ||
        !read_key(reply->result, 2, facts.pseudonym) || !read_key(reply->result, 3, facts.receipt) ||
        !read_token_keys(reply->result, 4, &facts.tokens)) {
        log_warn("shards or keys of the deployment are missing: run rostrumctl migrate");
        return;
    }
    become_known(reader, &facts);
    deployment_reader_read_now(reader); /* at the keys of tokens, which also fills the record */
}

/* ---- the clock ---- */

static void clock_read(const struct pg_reply *reply, void *arg)
{
    struct deployment_reader *reader = arg;
    int64_t asked = reader->clock_asked_ms;
    int64_t now = clock_now_ms();
    reader->clock_asked_ms = 0;
    /* The error of the measured offset is at most the duration of the query, so slow answers are ignored. */
    if (reply->outcome == PG_OK && now - asked <= reader->options.clock_skew_max_ms) {
        reader->options.deployment->clock_offset_ms = asked + (now - asked) / 2 - pg_int(reply->result, 0, 0);
    }
}

static void set_clock(struct deployment_reader *reader)
{
    int ms = reader->options.deployment->known ? CLOCK_POLL_MS : RECORD_POLL_MS;
    const struct timeval delay = {ms / 1000, (ms % 1000) * 1000L};
    if (event_add(reader->clock, &delay) != 0) {
        log_error("cannot set a timer");
    }
}

static bool ask(struct deployment_reader *reader, size_t statement, pg_callback answered)
{
    return statements_query(reader->options.pg, &deployment_reader_statements, statement, 0, NULL, answered, reader);
}

static void do_clock(evutil_socket_t fd, short what, void *arg)
{
    struct deployment_reader *reader = arg;
    (void)fd;
    (void)what;
    set_clock(reader);
    if (!pg_up(reader->options.pg)) {
        return;
    }
    if (!reader->options.deployment->known && !ask(reader, DEPLOYMENT_RECORD, facts_read)) {
        log_debug("facts of the deployment not read: PostgreSQL is unavailable");
    }
    if (reader->options.deployment->tokens != NULL && reader->tokens_asked_ms == 0) {
        reader->tokens_asked_ms = clock_mono_ms();
        if (!ask(reader, DEPLOYMENT_TOKENS, token_keys_read)) {
            reader->tokens_asked_ms = 0;
        }
    }
    if (reader->clock_asked_ms == 0) {
        reader->clock_asked_ms = clock_now_ms();
        if (!ask(reader, DEPLOYMENT_CLOCK, clock_read)) {
            reader->clock_asked_ms = 0;
        }
    }
}

/* ---- start and stop ---- */

struct deployment_reader *deployment_reader_new(const struct deployment_reader_options *options)
{
    struct deployment_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return NULL;
    }
    reader->options = *options;
    reader->clock = event_new(options->base, -1, 0, do_clock, reader);
    if (reader->clock == NULL) {
        free(reader);
        return NULL;
    }
    return reader;
}

void deployment_reader_begin(struct deployment_reader *reader)
{
    struct deployment_facts facts;
    set_clock(reader);
    if (read_record(reader->options.record, &facts)) {
        become_known(reader, &facts);
    }
    sodium_memzero(&facts, sizeof(facts));
}

void deployment_reader_read_now(struct deployment_reader *reader)
{
    event_active(reader->clock, EV_TIMEOUT, 0);
}

void deployment_reader_free(struct deployment_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    event_free(reader->clock);
    tokens_free(reader->options.deployment->tokens);
    sodium_memzero(reader->options.deployment, sizeof(*reader->options.deployment));
    free(reader);
}
