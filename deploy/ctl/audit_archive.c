/*
 * rostrumctl audit archive: moves the entries of the audit log that were sealed before a month, and their links, into a
 * file. One REPEATABLE READ transaction checks the whole chain, writes the file and deletes, so that it deletes exactly
 * what it has written, or fails.
 *
 * Killed at any moment, it loses nothing and can be run again: the file has its name, and is on the disk, before the
 * rows are deleted. A file that is there with the same bytes is one of such a run.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/pg.h"
#include "deploy/ctl/audit_file.h"
#include "deploy/ctl/audit_verify.h"
#include "deploy/ctl/store.h"

enum { NUMBER_SIZE = 24, DECIMAL = 10, COMPARED_BYTES = 65536, FILE_MODE = 0600 };

#define PART_SUFFIX ".part"

/* The second lock of class "RosA": the sealer has the first. */
#define LOCK_SQL "SELECT pg_try_advisory_xact_lock(1383035713, 2)"
/* $1: the first day of a month. Whether it has begun, and the last link that was sealed before it; 0: none. */
#define LAST_SQL                                                                                                       \
    "SELECT m.at <= now(), coalesce((SELECT max(number) FROM audit_chain WHERE sealed_at < m.at), 0)"                  \
    " FROM (SELECT ($1 || 'T00:00:00Z')::timestamptz) AS m (at)"
/* The trigger of a database whose audit log belonged to another role when it was migrated. */
#define GUARD_SQL                                                                                                      \
    "SELECT audit_log_guard() FROM pg_proc WHERE oid = 'audit_log_refuse'::regproc"                                    \
    " AND prosrc NOT LIKE '%audit_archives%'"
/* $1: the last link. */
#define RECORD_SQL                                                                                                     \
    "INSERT INTO audit_archives (number, sealed_at, floor, hash, entries, file_hash)"                                  \
    " SELECT number, sealed_at, floor, hash, $2::bigint, decode($3, 'hex') FROM audit_chain WHERE number = $1::bigint"
/* Not even the owner may delete by its usual rights (schema/0010-audit.sql). */
#define GRANT_SQL  "GRANT DELETE ON audit_log TO CURRENT_USER"
#define REVOKE_SQL "REVOKE DELETE ON audit_log FROM CURRENT_USER"
#define DELETE_SQL                                                                                                     \
    "WITH links AS (DELETE FROM audit_chain WHERE number <= $1::bigint RETURNING entry),"                              \
    " entries AS (DELETE FROM audit_log WHERE id IN (SELECT entry FROM audit_chain WHERE number <= $1::bigint)"        \
    " RETURNING id) SELECT (SELECT count(*) FROM links), (SELECT count(*) FROM entries)"

struct archive {
    struct ctl *ctl;
    char month[AUDIT_FILE_MONTH_SIZE];
    const char *path;
    char part[PATH_MAX]; /* the file until it is complete */
    FILE *file;          /* open for writing; else NULL */
    struct audit_writer writer;
    int64_t last;  /* link */
    int64_t count; /* written links */
    struct audit_end end;
    char file_hash[HASH_CHAIN_TEXT_SIZE];
};

static bool is_month(const char *text)
{
    static const char PATTERN[] = "dddd-dd";
    bool ok = strlen(text) == sizeof PATTERN - 1;
    for (size_t i = 0; ok && PATTERN[i] != '\0'; i++) {
        ok = PATTERN[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == PATTERN[i];
    }
    long month = ok ? strtol(text + sizeof "dddd", NULL, DECIMAL) : 0;
    return month >= 1 && month <= 12;
}

static bool read_wish(int argc, char **argv, struct archive *archive)
{
    bool ok = argc == 5 && strcmp(argv[0], "archive") == 0;
    for (int i = 1; ok && i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--before") == 0 && is_month(argv[i + 1])) {
            (void)snprintf(archive->month, sizeof archive->month, "%s", argv[i + 1]);
        } else if (strcmp(argv[i], "--to") == 0 && argv[i + 1][0] != '\0' &&
                   strlen(argv[i + 1]) + sizeof PART_SUFFIX <= sizeof archive->part) {
            archive->path = argv[i + 1];
        } else {
            ok = false;
        }
    }
    return ok && archive->month[0] != '\0' && archive->path != NULL;
}

/* Begins the transaction, and finds the last link of the archive. */
static bool begin(struct archive *archive)
{
    char day[AUDIT_FILE_MONTH_SIZE + sizeof "-01"];
    const char *const values[] = {day};
    if (!store_patient(archive->ctl) || !store_do(archive->ctl, "BEGIN ISOLATION LEVEL REPEATABLE READ", 0, NULL)) {
        return false;
    }
    PGresult *lock = store_run(archive->ctl, LOCK_SQL, 0, NULL);
    bool ok = lock != NULL && pg_bool(lock, 0, 0);
    if (lock != NULL && !ok) {
        ctl_report_error("another archive is being written");
    }
    PQclear(lock);
    if (!ok) {
        return false;
    }
    (void)snprintf(day, sizeof day, "%s-01", archive->month);
    PGresult *result = store_run(archive->ctl, LAST_SQL, ARRAY_LEN(values), values);
    ok = result != NULL && pg_bool(result, 0, 0);
    if (result != NULL && !ok) {
        ctl_report_error("the month %s has not begun: more entries would belong before it", archive->month);
    }
    archive->last = ok ? pg_int(result, 0, 1) : 0;
    PQclear(result);
    return ok;
}

static bool report_file(const char *path, const char *what)
{
    ctl_report_error("%s cannot be %s: %s", path, what, strerror(errno));
    return false;
}

static bool open_part(struct archive *archive)
{
    (void)snprintf(archive->part, sizeof archive->part, "%s" PART_SUFFIX, archive->path);
    /* A run that was killed has left it; it may be another name of the file. */
    if (unlink(archive->part) != 0 && errno != ENOENT) {
        return report_file(archive->part, "removed");
    }
    int fd = open(archive->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    archive->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (archive->file == NULL) {
        (void)report_file(archive->part, "written");
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    return true;
}

static bool write_link(const struct audit_check *check, const struct audit_link *link, void *arg)
{
    struct archive *archive = arg;
    if (check->count == 0) {
        audit_file_begin(&archive->writer, archive->file, archive->month, &check->end);
    }
    if (strtoll(link->fields[AUDIT_HASH_NUMBER], NULL, DECIMAL) > archive->last) {
        return true;
    }
    audit_file_link(&archive->writer, check->end.hash, link);
    archive->count++;
    archive->end.number = archive->last;
    (void)snprintf(archive->end.hash, sizeof archive->end.hash, "%s", link->hash);
    if (archive->writer.failed) {
        return report_file(archive->part, "written");
    }
    return true;
}

/* Checks the chain and writes the first part of it. */
static bool write_part(struct archive *archive)
{
    struct audit_check check;
    struct audit_reader reader = {.each = write_link, .arg = archive};
    if (!audit_verify_read(archive->ctl, &check, &reader, NULL)) {
        return false;
    }
    if (check.differences > check.late) {
        ctl_report_error("the audit log differs from its chain, so nothing is archived: see docs/audit.md");
        return false;
    }
    return (audit_file_end(&archive->writer, archive->count, &archive->end, archive->file_hash) &&
            fflush(archive->file) == 0 && fsync(fileno(archive->file)) == 0) ||
           report_file(archive->part, "written");
}

/* Whether the file is there with the same bytes as the part. */
static bool is_same(const struct archive *archive)
{
    static char bytes[2][COMPARED_BYTES];
    FILE *there = fopen(archive->path, "re");
    FILE *part = fopen(archive->part, "re");
    bool same = there != NULL && part != NULL;
    size_t length = COMPARED_BYTES;
    while (same && length == COMPARED_BYTES) {
        length = fread(bytes[0], 1, COMPARED_BYTES, part);
        same = fread(bytes[1], 1, COMPARED_BYTES, there) == length && memcmp(bytes[0], bytes[1], length) == 0;
    }
    same = same && ferror(part) == 0 && ferror(there) == 0;
    if (there != NULL) {
        (void)fclose(there);
    }
    if (part != NULL) {
        (void)fclose(part);
    }
    return same;
}

/* The name of the file must survive a crash of the machine too. */
static bool sync_folder(const struct archive *archive)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", archive->path);
    const char *folder = dirname(copy);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok) {
        (void)report_file(folder, "synchronised");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

/* Gives the file its name. link() does not replace another file. */
static bool publish(struct archive *archive)
{
    int closed = fclose(archive->file);
    archive->file = NULL;
    if (closed != 0) {
        return report_file(archive->part, "written");
    }
    if (link(archive->part, archive->path) != 0) {
        if (errno != EEXIST) {
            return report_file(archive->path, "created");
        }
        if (!is_same(archive)) {
            ctl_report_error("%s is there with other contents: choose another name", archive->path);
            return false;
        }
    }
    return unlink(archive->part) == 0 ? sync_folder(archive) : report_file(archive->part, "removed");
}

static bool remove_rows(struct archive *archive)
{
    char last[NUMBER_SIZE];
    char count[NUMBER_SIZE];
    const char *const values[] = {last, count, archive->file_hash};
    (void)snprintf(last, sizeof last, "%" PRId64, archive->last);
    (void)snprintf(count, sizeof count, "%" PRId64, archive->count);
    if (!store_do(archive->ctl, GUARD_SQL, 0, NULL) || !store_do(archive->ctl, RECORD_SQL, ARRAY_LEN(values), values) ||
        !store_do(archive->ctl, GRANT_SQL, 0, NULL)) {
        return false;
    }
    PGresult *result = store_run(archive->ctl, DELETE_SQL, 1, values);
    bool ok = result != NULL;
    if (ok && (pg_int(result, 0, 0) != archive->count || pg_int(result, 0, 1) != archive->count)) {
        ctl_report_error("%s entries are in the file, but others would be deleted: nothing is deleted", count);
        ok = false;
    }
    PQclear(result);
    return ok && store_do(archive->ctl, REVOKE_SQL, 0, NULL) && store_do(archive->ctl, "COMMIT", 0, NULL);
}

static int run(struct archive *archive)
{
    if (!begin(archive)) {
        return CTL_FAILED;
    }
    if (archive->last == 0) {
        (void)printf("no entry was sealed before %s\n", archive->month);
        return CTL_OK;
    }
    bool ok = open_part(archive) && write_part(archive) && publish(archive);
    if (archive->file != NULL) {
        (void)fclose(archive->file);
        archive->file = NULL;
    }
    if (!ok) {
        (void)unlink(archive->part);
        return CTL_FAILED;
    }
    if (!remove_rows(archive)) {
        ctl_report_error("%s is complete, but its entries may still be in the database: run the same command again",
                         archive->path);
        return CTL_FAILED;
    }
    (void)printf("%" PRId64 " entries archived in %s; the last link is %" PRId64 " with hash %s\n", archive->count,
                 archive->path, archive->last, archive->end.hash);
    return CTL_OK;
}

int audit_command(struct ctl *ctl, int argc, char **argv)
{
    struct archive archive = {.ctl = ctl};
    if (!read_wish(argc, argv, &archive)) {
        ctl_report_error("audit takes archive --before YYYY-MM --to FILE");
        return CTL_USAGE;
    }
    return store_open(ctl) ? run(&archive) : CTL_UNAVAILABLE;
}
