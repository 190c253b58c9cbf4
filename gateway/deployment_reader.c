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
    CLOCK_POLL_MS = 5000, /* between two measurements of the clocks' offset */
};

enum { DEPLOYMENT_RECORD, DEPLOYMENT_CLOCK, DEPLOYMENT_TOKENS, DEPLOYMENT_DURABILITY };

/* A key signs once it is older than three polls, so that every gateway has read it. */
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
    [DEPLOYMENT_DURABILITY] = {"gateway_durability", PG_SQL_NOT_DURABLE},
    [DEPLOYMENT_CLOCK] = {"gateway_clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"},
};

struct statements deployment_reader_statements = {list, ARRAY_LEN(list), 0};

struct deployment_reader {
    struct deployment_reader_options options;
    struct event *clock;    /* timer of the next poll */
    int64_t clock_asked_ms; /* start of the running measurement, 0: none */
};

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
    const struct deployment_reader *reader = arg;
    struct token_keys keys;
    if (reply->outcome == PG_OK && read_token_keys(reply->result, 0, &keys)) {
        tokens_set(reader->options.deployment->tokens, &keys);
        sodium_memzero(&keys, sizeof(keys));
    }
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
    struct deployment_record *record = reader->options.record;
    if (!atomic_load(&record->known)) {
        record->facts = facts; /* two workers may write this at once, with equal bytes */
        atomic_store(&record->known, true);
    }
    become_known(reader, &facts);
}

/* ---- the server's durability ---- */

static void durability_read(const struct pg_reply *reply, void *arg)
{
    const struct deployment_reader *reader = arg;
    struct deployment *deployment = reader->options.deployment;
    if (reply->outcome != PG_OK || PQntuples(reply->result) != 1) {
        return;
    }
    const char *off = pg_text(reply->result, 0, 0);
    if (strcmp(off, deployment->not_durable) == 0) {
        return;
    }
    (void)snprintf(deployment->not_durable, sizeof(deployment->not_durable), "%s", off);
    if (off[0] != '\0') {
        log_error("PostgreSQL runs with %s off: a crash of its machine can lose decided bids", off);
    } else {
        log_info("PostgreSQL's settings are durable again");
    }
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
    if (reader->options.deployment->tokens != NULL && !ask(reader, DEPLOYMENT_TOKENS, token_keys_read)) {
        log_debug("keys of access tokens not read: PostgreSQL is unavailable");
    }
    if (!ask(reader, DEPLOYMENT_DURABILITY, durability_read)) {
        log_debug("durability of PostgreSQL not read: it is unavailable");
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
    set_clock(reader);
    if (atomic_load(&reader->options.record->known)) {
        become_known(reader, &reader->options.record->facts);
    }
}

void deployment_reader_look(struct deployment_reader *reader)
{
    if (!reader->options.deployment->known) {
        event_active(reader->clock, EV_TIMEOUT, 0);
    }
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
