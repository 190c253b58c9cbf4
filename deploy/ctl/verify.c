/*
 * rostrumctl verify: reads two cursors in one REPEATABLE READ snapshot, auctions and ledger entries, both ordered by
 * the auction's id, and merges them. Memory holds one page of each, independent of the deployment's size. Bidding can
 * continue; the snapshot does not show it. Flash sales (sale_verify.h), the checks of cross_checks.h, and that of the
 * audit log follow in the same snapshot.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "deploy/ctl/audit_file.h"
#include "deploy/ctl/audit_verify.h"
#include "deploy/ctl/cross_checks.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/ledger_check.h"
#include "deploy/ctl/replay.h"
#include "deploy/ctl/rights.h"
#include "deploy/ctl/sale_verify.h"
#include "deploy/ctl/store.h"
#include "deploy/ctl/stream.h"

enum {
    PROGRESS_MS = 200,
    NUMBER_SIZE = 24,
};

struct verifier {
    struct stream auctions;
    struct stream entries;
    bool terminal; /* show progress */
    int64_t shown_ms;
    int64_t auction_count;
    int64_t entry_count;
    int64_t differing; /* auctions */
    int64_t differences;
    int64_t unhashed; /* entries from before there were hashes */
    int64_t others;   /* differences that cross_checks.h found */
    struct sale_verify_result sales;
    bool failed; /* PostgreSQL did; an error was printed */
};

static void show_progress(struct verifier *verifier, bool last)
{
    int64_t now_ms = clock_mono_ms();
    if (verifier->terminal && (last || now_ms - verifier->shown_ms >= PROGRESS_MS)) {
        verifier->shown_ms = now_ms;
        (void)fprintf(stderr, "\r%" PRId64 " auctions, %" PRId64 " entries%s", verifier->auction_count,
                      verifier->entry_count, last ? "\n" : "");
    }
}

static void count(struct verifier *verifier, const struct replay *replay, const struct ledger_check *hashes)
{
    verifier->differences += replay->found.count + hashes->found.count;
    verifier->differing += replay->found.count + hashes->found.count > 0;
    verifier->unhashed += hashes->unhashed;
}

/* Handles entries before the next auction, or all remaining ones if there is none: their auctions do not exist. */
static void take_orphans(struct verifier *verifier, const struct uuid *next)
{
    struct ledger_check hashes = {.hash_seq = 0};
    while (stream_here(&verifier->entries)) {
        struct replay replay;
        struct uuid id = replay_auction_id(verifier->entries.page, verifier->entries.row);
        if (next != NULL && uuid_compare(&id, next) >= 0) {
            return;
        }
        replay_orphan(&replay, verifier->entries.page, verifier->entries.row);
        if (!uuid_equal(&id, &hashes.found.id)) {
            ledger_check_begin(&hashes, &id);
        }
        ledger_check_entry(&hashes, verifier->entries.page, verifier->entries.row);
        count(verifier, &replay, &hashes);
        hashes.found.count = 0;
        hashes.unhashed = 0;
        verifier->entries.row++;
        verifier->entry_count++;
    }
}

static void take_auction(struct verifier *verifier)
{
    struct stream *auctions = &verifier->auctions;
    struct stream *entries = &verifier->entries;
    struct uuid id = replay_auction_id(auctions->page, auctions->row);
    struct replay replay;
    struct ledger_check hashes;
    take_orphans(verifier, &id);
    replay_begin(&replay, auctions->page, auctions->row);
    ledger_check_begin(&hashes, &id);
    while (stream_here(entries)) {
        struct uuid of = replay_auction_id(entries->page, entries->row);
        if (!uuid_equal(&of, &id)) {
            break;
        }
        replay_entry(&replay, entries->page, entries->row);
        ledger_check_entry(&hashes, entries->page, entries->row);
        entries->row++;
        verifier->entry_count++;
        show_progress(verifier, false);
    }
    if (entries->failed) {
        replay_drop(&replay);
        return;
    }
    replay_end(&replay, auctions->page, auctions->row);
    ledger_check_end(&hashes, auctions->page, auctions->row);
    count(verifier, &replay, &hashes);
    auctions->row++;
    verifier->auction_count++;
    show_progress(verifier, false);
}

/* A ledger without a difference is no proof if the server may lose its newest entries. */
static bool check_durability(struct ctl *ctl)
{
    PGresult *result = store_run(ctl, PG_SQL_NOT_DURABLE, 0, NULL);
    bool durable = result != NULL && PQgetisnull(result, 0, 0) == 1;
    if (result != NULL && !durable) {
        (void)printf("PostgreSQL runs with %s off: a crash of its machine can lose entries\n",
                     PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return durable;
}

/* "12 auctions, 34 entries: " and the differences. */
static void say_differences(int64_t count, const char *what, int64_t entries, int64_t differences, int64_t differing)
{
    (void)printf("%" PRId64 " %s, %" PRId64 " entries: ", count, what, entries);
    if (differences == 0) {
        (void)printf("no difference\n");
    } else {
        (void)printf("%" PRId64 " differences in %" PRId64 " %s\n", differences, differing, what);
    }
}

static int say_result(const struct verifier *verifier, const char *id)
{
    const struct sale_verify_result *sales = &verifier->sales;
    if (verifier->failed) {
        return CTL_FAILED;
    }
    if (id != NULL && verifier->auction_count == 0 && sales->sales == 0) {
        ctl_report_error("there is no auction or sale %s", id);
        return CTL_FAILED;
    }
    if (verifier->unhashed > 0) {
        (void)printf("%" PRId64 " entries have no hash: they were decided before the ledger had hashes\n",
                     verifier->unhashed);
    }
    if (id == NULL || verifier->auction_count > 0) {
        say_differences(verifier->auction_count, "auctions", verifier->entry_count, verifier->differences,
                        verifier->differing);
    }
    if (id == NULL || sales->sales > 0) {
        say_differences(sales->sales, "sales", sales->entries, sales->differences, sales->differing);
    }
    if (verifier->others > 0) {
        (void)printf("%" PRId64 " other differences\n", verifier->others);
    }
    return verifier->differences + sales->differences + verifier->others == 0 ? CTL_OK : CTL_FAILED;
}

static bool open_snapshot(struct ctl *ctl)
{
    return store_patient(ctl) && store_do(ctl, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL);
}

static int verify(struct ctl *ctl, const char *id)
{
    struct verifier verifier = {.terminal = isatty(STDERR_FILENO) == 1};
    int audit = CTL_OK;
    if (!open_snapshot(ctl) || !stream_open(&verifier.auctions, ctl, &REPLAY_AUCTIONS, id) ||
        !stream_open(&verifier.entries, ctl, &REPLAY_ENTRIES, id)) {
        return CTL_FAILED;
    }
    while (!verifier.entries.failed && stream_here(&verifier.auctions)) {
        take_auction(&verifier);
    }
    take_orphans(&verifier, NULL);
    show_progress(&verifier, true);
    stream_close(&verifier.auctions);
    stream_close(&verifier.entries);
    verifier.failed = verifier.auctions.failed || verifier.entries.failed || !sale_verify(ctl, id, &verifier.sales);
    if (!verifier.failed) {
        verifier.others = cross_checks_run(ctl, id);
        verifier.failed = verifier.others < 0;
        audit = id == NULL ? audit_verify(ctl, NULL) : CTL_OK;
    }
    int code = say_result(&verifier, id);
    bool guarded = rights_compare(ctl) == 0;
    return check_durability(ctl) && guarded && audit == CTL_OK ? code : CTL_FAILED;
}

/* The record of the archive in the database: an archive of which a part was cut off, and made anew, has another hash.
 */
static int check_record(struct ctl *ctl, const struct audit_check *check, const struct audit_archive *archive)
{
    char number[NUMBER_SIZE];
    const char *const values[] = {number, check->end.hash, archive->file_hash};
    (void)snprintf(number, sizeof number, "%" PRId64, check->end.number);
    PGresult *result = store_run(ctl,
                                 "SELECT encode(hash, 'hex') = $2, encode(file_hash, 'hex') = $3 FROM audit_archives"
                                 " WHERE number = $1::bigint",
                                 ARRAY_LEN(values), values);
    int code = result != NULL && PQntuples(result) == 1 && pg_bool(result, 0, 0) && pg_bool(result, 0, 1) ? CTL_OK
                                                                                                          : CTL_FAILED;
    if (result != NULL && PQntuples(result) == 0) {
        (void)printf("the database has no record of this archive: its entries were not deleted, or it is of another "
                     "deployment\n");
    } else if (result != NULL && code != CTL_OK) {
        (void)printf("the database has another hash of this archive on record\n");
    }
    PQclear(result);
    return code;
}

static int verify_file(struct ctl *ctl, const char *path, const char *hash)
{
    struct audit_check check;
    struct audit_archive archive;
    if (!audit_file_read(path, &check, &archive, hash)) {
        return CTL_FAILED;
    }
    (void)printf("%" PRId64 " entries sealed before %s, after link %" PRId64 "; ", check.count, archive.month,
                 archive.after.number);
    int code = audit_verify_say(&check);
    if (!store_open(ctl)) {
        return code == CTL_OK ? CTL_UNAVAILABLE : code;
    }
    int record = check_record(ctl, &check, &archive);
    return code == CTL_OK ? record : code;
}

static int verify_audit(struct ctl *ctl, int argc, char **argv)
{
    const char *path = NULL;
    const char *hash = NULL;
    bool ok = true;
    for (int i = 0; ok && i < argc; i++) {
        if (strcmp(argv[i], "--hash") == 0 && i + 1 < argc) {
            hash = argv[++i];
        } else if (path == NULL && argv[i][0] != '-' && argv[i][0] != '\0') {
            path = argv[i];
        } else {
            ok = false;
        }
    }
    if (!ok || (hash != NULL && strlen(hash) != HASH_CHAIN_TEXT_SIZE - 1)) {
        ctl_report_error("verify --audit takes [FILE] [--hash HASH]; a HASH has 64 digits");
        return CTL_USAGE;
    }
    if (path != NULL) {
        return verify_file(ctl, path, hash);
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    return open_snapshot(ctl) ? audit_verify(ctl, hash) : CTL_FAILED;
}

int verify_command(struct ctl *ctl, int argc, char **argv)
{
    struct uuid id;
    if (argc >= 1 && strcmp(argv[0], "--audit") == 0) {
        return verify_audit(ctl, argc - 1, argv + 1);
    }
    if (argc > 1 || (argc == 1 && !uuid_parse(argv[0], strlen(argv[0]), &id))) {
        ctl_report_error("verify takes the ID of one auction or sale, --audit, or nothing");
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    return verify(ctl, argc == 1 ? argv[0] : NULL);
}
