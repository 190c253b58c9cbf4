/*
 * rostrumctl auctions extend: gives time back to auctions whose end fell into an outage. It reads them from PostgreSQL.
 * For each it writes an entry to the audit log, publishes a REOPEN command to the auction's queue, and waits for the
 * decision in the ledger. The gateway does the same for an admin's change.
 *
 * All times are the database's, so that the clock of this machine has no effect.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "common/rules/bid_status.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"
#include "deploy/ctl/store.h"

enum {
    AUCTIONS_MAX = 10000, /* of one call; more need several calls with shorter spans */
    LEAST_DEFAULT_S = 300,
    LEAST_MAX_S = 31536000,
    REASON_MOST = 1000, /* bytes */
    DECISION_MS = 10000,
    LOOK_MS = 50,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    NUMBER_SIZE = 16,
    OUTCOME_SIZE = 64,
};

struct wish {
    int64_t from_ms;
    int64_t to_ms;
    const char *admin;
    const char *reason;
    int64_t least_ms;
    bool dry_run;
};

/* Columns of the auctions. */
enum { AUCTION, STATUS, END_MS, NOW_MS, ITEM_TAKEN };

/*
 * $1, $2: the span of ends. Of the ended auctions only those whose last accepted end is a fence: a purchase and an
 * admin's end were meant. An item may be in a newer auction.
 */
static const char AUCTIONS_SQL[] = "SELECT a.id, a.status, " STORE_MS("a.end_time") ", " STORE_MS(
    "clock_timestamp()") ","
                         " a.status IN ('sold', 'unsold') AND EXISTS (SELECT FROM auctions o WHERE o.item_id = "
                         "a.item_id AND o.id <> a.id"
                         "  AND o.status IN ('draft', 'scheduled', 'active', 'ended'))"
                         " FROM auctions a WHERE a.end_time >= $1::timestamptz AND a.end_time < $2::timestamptz"
                         " AND a.end_time <= clock_timestamp() AND (a.status IN ('scheduled', 'active') OR"
                         " (a.status IN ('ended', 'sold', 'unsold') AND (SELECT b.kind FROM bids b WHERE b.auction_id "
                         "= a.id"
                         "  AND b.status = 'accepted' AND b.kind IN ('end', 'buy', 'close') ORDER BY b.seq DESC LIMIT "
                         "1) = 'end'))"
                         " ORDER BY a.end_time, a.id LIMIT $3::integer";

/* $1 id of the entry, $2 admin, $3 auction, $4 command, $5 its new end, $6 reason. */
static const char AUDIT_SQL[] =
    "INSERT INTO audit_log (id, at, actor_id, address, agent, request_id, action, subject, old_value, new_value, "
    "reason)"
    " SELECT $1::uuid, clock_timestamp(), $2::uuid, 'local', 'rostrumctl', $4::text, 'AUCTION_REOPEN', id::text,"
    " jsonb_build_object('status', status, 'endTime', end_time),"
    " jsonb_build_object('commandId', $4::uuid, 'endTime', $5::timestamptz), $6 FROM auctions WHERE id = $3::uuid";

static bool read_seconds(const char *text, int64_t *ms)
{
    char *end = NULL;
    long seconds = strtol(text, &end, 10);
    *ms = (int64_t)seconds * MS_PER_S;
    return end != text && *end == '\0' && seconds >= 1 && seconds <= LEAST_MAX_S;
}

static bool read_wish(int argc, char **argv, struct wish *wish)
{
    *wish = (struct wish){.least_ms = LEAST_DEFAULT_S * INT64_C(1000)};
    bool ok = argc > 0 && strcmp(argv[0], "extend") == 0;
    for (int i = 1; ok && i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0) {
            wish->dry_run = true;
        } else if (strcmp(argv[i], "--ended-between") == 0 && i + 2 < argc) {
            ok = clock_parse(argv[i + 1], &wish->from_ms) && clock_parse(argv[i + 2], &wish->to_ms);
            i += 2;
        } else if (strcmp(argv[i], "--admin") == 0 && i + 1 < argc) {
            wish->admin = argv[++i];
        } else if (strcmp(argv[i], "--reason") == 0 && i + 1 < argc) {
            wish->reason = argv[++i];
        } else {
            ok = strcmp(argv[i], "--least") == 0 && i + 1 < argc && read_seconds(argv[++i], &wish->least_ms);
        }
    }
    return ok && wish->from_ms < wish->to_ms && wish->admin != NULL && wish->reason != NULL &&
           wish->reason[0] != '\0' && strlen(wish->reason) <= REASON_MOST;
}

/* Returns false after printing an error unless the account exists and is an admin's. */
static bool find_admin(struct ctl *ctl, const char *email, struct uuid *id)
{
    const char *const values[] = {email};
    PGresult *result = store_run(
        ctl, "SELECT id FROM users WHERE email = lower($1) AND role = 'admin' AND banned_at IS NULL", 1, values);
    bool found = result != NULL && PQntuples(result) == 1;
    if (found) {
        *id = pg_uuid(result, 0, 0);
    } else if (result != NULL) {
        ctl_report_error("there is no admin with the address %s", email);
    }
    PQclear(result);
    return found;
}

static int64_t new_end(const struct wish *wish, const PGresult *auctions, int row)
{
    int64_t left_ms = pg_int(auctions, row, END_MS) - wish->from_ms;
    return pg_int(auctions, row, NOW_MS) + (left_ms > wish->least_ms ? left_ms : wish->least_ms);
}

static bool note(struct ctl *ctl, const struct wish *wish, const struct uuid *admin, const struct command *command)
{
    struct uuid id = uuid_new();
    char entry[UUID_TEXT_SIZE];
    char actor[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    char command_id[UUID_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    const char *const values[] = {entry, actor, auction, command_id, end, wish->reason};
    uuid_format(&id, entry);
    uuid_format(admin, actor);
    uuid_format(&command->auction_id, auction);
    uuid_format(&command->id, command_id);
    clock_format(command->end_ms, end);
    return store_do(ctl, AUDIT_SQL, ARRAY_LEN(values), values);
}

static bool publish(struct ctl *ctl, unsigned shards, const struct command *command)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char id[UUID_TEXT_SIZE];
    size_t length = 0;
    struct jsonw *writer = jsonw_new();
    if (writer == NULL) {
        ctl_report_error("no memory");
        return false;
    }
    message_write_commands(writer, command, 1);
    const char *body = jsonw_text(writer, &length);
    topology_key(&topology_bids, &command->auction_id, shards, key);
    topology_exchange(&topology_bids, &command->auction_id, shards, exchange);
    uuid_format(&command->id, id);
    bool published = body != NULL && rabbit_publish(ctl, exchange, key, id, body, length);
    jsonw_free(writer);
    return published;
}

/* Waits until `until_ms` for the decision: "accepted", or "rejected REASON". False: it is not known. */
static bool read_decision(struct ctl *ctl, const struct command *command, int64_t until_ms,
                          char out[static OUTCOME_SIZE])
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * (long)NS_PER_MS};
    char auction[UUID_TEXT_SIZE];
    char id[UUID_TEXT_SIZE];
    const char *const values[] = {auction, id};
    bool known = false;
    uuid_format(&command->auction_id, auction);
    uuid_format(&command->id, id);
    do {
        PGresult *result = store_run(
            ctl, "SELECT concat_ws(' ', status, reason) FROM bids WHERE auction_id = $1 AND bid_id = $2", 2, values);
        if (result == NULL) {
            return false;
        }
        known = PQntuples(result) == 1;
        if (known) {
            (void)snprintf(out, OUTCOME_SIZE, "%s", pg_text(result, 0, 0));
        } else {
            (void)nanosleep(&pause, NULL);
        }
        PQclear(result);
    } while (!known && clock_mono_ms() < until_ms);
    return known;
}

/* Publishes the commands, at most one for each auction. Those that were not published keep a nil id. */
static void publish_all(struct ctl *ctl, const struct wish *wish, const struct uuid *admin, unsigned shards,
                        const PGresult *auctions, struct command *commands)
{
    for (int row = 0; row < PQntuples(auctions) && ctl->amqp != NULL; row++) {
        struct command command = {
            .kind = COMMAND_REOPEN,
            .id = uuid_new(),
            .auction_id = pg_uuid(auctions, row, AUCTION),
            .user_id = *admin,
            .received_ms = pg_int(auctions, row, NOW_MS),
            .end_ms = new_end(wish, auctions, row),
        };
        if (!pg_bool(auctions, row, ITEM_TAKEN) && note(ctl, wish, admin, &command) && publish(ctl, shards, &command)) {
            commands[row] = command;
        }
    }
}

/* Prints what becomes of each auction. Returns the number of auctions that are extended. */
static int print_all(struct ctl *ctl, const struct wish *wish, const PGresult *auctions, const struct command *commands)
{
    int64_t until_ms = clock_mono_ms() + DECISION_MS;
    int extended = 0;
    for (int row = 0; row < PQntuples(auctions); row++) {
        char outcome[OUTCOME_SIZE] = "not decided yet";
        char end[CLOCK_TEXT_SIZE];
        clock_format(new_end(wish, auctions, row), end);
        if (pg_bool(auctions, row, ITEM_TAKEN)) {
            (void)snprintf(outcome, sizeof outcome, "not extended: its item is in another auction");
        } else if (wish->dry_run) {
            (void)snprintf(outcome, sizeof outcome, "would be extended");
            extended++;
        } else if (uuid_is_nil(&commands[row].id)) {
            (void)snprintf(outcome, sizeof outcome, "not published");
        } else if (read_decision(ctl, &commands[row], until_ms, outcome)) {
            extended += strcmp(outcome, bid_status_text(BID_ACCEPTED)) == 0;
        }
        (void)printf("%s  %-9s  %s  %s\n", pg_text(auctions, row, AUCTION), pg_text(auctions, row, STATUS), end,
                     outcome);
    }
    return extended;
}

static PGresult *read_auctions(struct ctl *ctl, const struct wish *wish)
{
    char from[CLOCK_TEXT_SIZE];
    char to[CLOCK_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    const char *const values[] = {from, to, limit};
    clock_format(wish->from_ms, from);
    clock_format(wish->to_ms, to);
    (void)snprintf(limit, sizeof limit, "%d", AUCTIONS_MAX + 1);
    PGresult *result = store_run(ctl, AUCTIONS_SQL, ARRAY_LEN(values), values);
    if (result != NULL && PQntuples(result) > AUCTIONS_MAX) {
        ctl_report_error("more than %d auctions ended in that span: use several shorter ones", AUCTIONS_MAX);
        PQclear(result);
        return NULL;
    }
    return result;
}

static int extend_all(struct ctl *ctl, const struct wish *wish)
{
    struct uuid admin;
    unsigned shards = 0;
    if (!store_shards(ctl, &shards) || !find_admin(ctl, wish->admin, &admin)) {
        return CTL_FAILED;
    }
    if (!wish->dry_run && !rabbit_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    PGresult *auctions = read_auctions(ctl, wish);
    int count = auctions == NULL ? 0 : PQntuples(auctions);
    struct command *commands = calloc((size_t)count + 1, sizeof *commands);
    if (auctions == NULL || commands == NULL) {
        free(commands);
        PQclear(auctions);
        return CTL_FAILED;
    }
    if (!wish->dry_run) {
        publish_all(ctl, wish, &admin, shards, auctions, commands);
    }
    int extended = print_all(ctl, wish, auctions, commands);
    free(commands);
    PQclear(auctions);
    (void)printf("%d of %d auctions %s\n", extended, count, wish->dry_run ? "would be extended" : "extended");
    return extended == count ? CTL_OK : CTL_FAILED;
}

int auctions_command(struct ctl *ctl, int argc, char **argv)
{
    struct wish wish;
    if (!read_wish(argc, argv, &wish)) {
        ctl_report_error("auctions takes: extend --ended-between FROM TO --admin EMAIL --reason TEXT"
                         " [--least SECONDS] [--dry-run]; FROM and TO such as 2026-11-21T18:00:00Z");
        return CTL_USAGE;
    }
    return store_open(ctl) ? extend_all(ctl, &wish) : CTL_UNAVAILABLE;
}
