/*
 * See deployment_reader.h.
 */
#include "gateway/deployment_reader.h"

#include <event2/event.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "common/protocol/schema.h"
#include "common/protocol/topology.h"
#include "gateway/bid/receipt.h"
#include "gateway/core/token.h"

enum {
    RECORD_POLL_MS = 200, /* while the deployment is unknown */
    KEYS_POLL_MS = 5000,  /* between two readings of the keys of access tokens and of the server's durability */
};

enum { DEPLOYMENT_RECORD, DEPLOYMENT_TOKENS, DEPLOYMENT_DURABILITY, DEPLOYMENT_TIMING };

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
    [DEPLOYMENT_DURABILITY] = {"gateway_durability", PG_SQL_NOT_DURABLE},
    [DEPLOYMENT_TIMING] = TIMING_GUARD_STATEMENT_ROWS,
};

struct statements deployment_reader_statements = {list, ARRAY_LEN(list), 0};

struct deployment_reader {
    struct deployment_reader_options options;
    struct event *poll;      /* timer */
    struct epoch reported;   /* the epoch of the last call of `renewed` */
    int64_t tokens_asked_ms; /* monotonic start of the running query of the token keys, 0: none */
    struct timing_guard *timing;
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

/* ---- the epoch ---- */

void deployment_reader_set_epoch(struct deployment_reader *reader, const struct epoch *epoch)
{
    struct deployment_record *record = reader->options.record;
    if (reader->options.deployment->epoch.number != epoch->number) {
        log_info("epoch %016" PRIx64, (uint64_t)epoch->number);
    }
    reader->options.deployment->epoch = *epoch;
    atomic_store(&record->sessions_from_ms, epoch->sessions_from_ms);
    atomic_store(&record->epoch, epoch->number);
    event_active(reader->poll, EV_TIMEOUT, 0);
}

static void report_epoch(struct deployment_reader *reader)
{
    const struct epoch *epoch = &reader->options.deployment->epoch;
    struct epoch before = reader->reported;
    if (before.number != epoch->number || before.sessions_from_ms != epoch->sessions_from_ms) {
        reader->reported = *epoch;
        reader->options.renewed(before.sessions_from_ms != epoch->sessions_from_ms, reader->options.arg);
    }
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

/* ---- polls ---- */

static void set_poll(struct deployment_reader *reader)
{
    timer_set(reader->poll, reader->options.deployment->known ? KEYS_POLL_MS : RECORD_POLL_MS);
}

static bool ask(struct deployment_reader *reader, size_t statement, pg_callback answered)
{
    return statements_query(reader->options.pg, &deployment_reader_statements, statement, 0, NULL, answered, reader);
}

static void do_poll(evutil_socket_t fd, short what, void *arg)
{
    struct deployment_reader *reader = arg;
    (void)fd;
    (void)what;
    set_poll(reader);
    if (!pg_up(reader->options.pg)) {
        return;
    }
    report_epoch(reader);
    if (!reader->options.deployment->known && !ask(reader, DEPLOYMENT_RECORD, facts_read)) {
        log_debug("facts of the deployment not read: PostgreSQL is unavailable");
    }
    if (reader->options.deployment->tokens != NULL && reader->tokens_asked_ms == 0) {
        reader->tokens_asked_ms = clock_mono_ms();
        if (!ask(reader, DEPLOYMENT_TOKENS, token_keys_read)) {
            reader->tokens_asked_ms = 0;
        }
    }
    if (!ask(reader, DEPLOYMENT_DURABILITY, durability_read)) {
        log_debug("durability of PostgreSQL not read: it is unavailable");
    }
}

/* ---- start and stop ---- */

struct deployment_reader *deployment_reader_new(const struct deployment_reader_options *options)
{
    struct deployment_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return NULL;
    }
    const struct timing_guard_options timing = {
        .base = options->base,
        .config = options->config,
        .pg = options->pg,
        .first_statement = statements_number(&deployment_reader_statements, DEPLOYMENT_TIMING),
        .program = "rostrum-gateway",
        .consequence = "bids and changes of auctions are refused",
        .on_contradiction = options->contradicted,
        .arg = options->arg,
    };
    reader->options = *options;
    reader->poll = evtimer_new(options->base, do_poll, reader);
    reader->timing = timing_guard_new(&timing);
    if (reader->poll == NULL || reader->timing == NULL) {
        deployment_reader_free(reader);
        return NULL;
    }
    return reader;
}

void deployment_reader_begin(struct deployment_reader *reader)
{
    struct deployment_record *record = reader->options.record;
    struct deployment_facts facts;
    set_poll(reader);
    if (read_record(record, &facts)) {
        reader->options.deployment->epoch =
            (struct epoch){atomic_load(&record->epoch), atomic_load(&record->sessions_from_ms)};
        /* No session that this worker has seen began earlier. */
        reader->reported.sessions_from_ms = reader->options.deployment->epoch.sessions_from_ms;
        become_known(reader, &facts);
    }
    sodium_memzero(&facts, sizeof(facts));
}

void deployment_reader_read_now(struct deployment_reader *reader)
{
    event_active(reader->poll, EV_TIMEOUT, 0);
}

struct timing_guard *deployment_reader_timing(const struct deployment_reader *reader)
{
    return reader->timing;
}

void deployment_reader_free(struct deployment_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->poll != NULL) {
        event_free(reader->poll);
    }
    timing_guard_free(reader->timing);
    tokens_free(reader->options.deployment->tokens);
    sodium_memzero(reader->options.deployment, sizeof(*reader->options.deployment));
    free(reader);
}
