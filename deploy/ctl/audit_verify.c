/*
 * See audit_verify.h.
 */
#include "deploy/ctl/audit_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/io/pg.h"
#include "deploy/ctl/store.h"

enum { PAGE_ROWS = 1000, FETCH_SIZE = 64 };

/* Columns of a link and its entry; from LINK_FIELDS on those of the hash, in its order. */
enum { LINK_VERSION, LINK_HASH, LINK_FOUND, LINK_FIELDS };

/* clang-format off: one column a line would hide the order */
#define LINKS_SQL                                                                                                      \
    "DECLARE links NO SCROLL CURSOR FOR SELECT c.version, encode(c.hash, 'hex'), l.id IS NOT NULL,"                    \
    " c.number, " STORE_MS(                                                                                            \
        "c.sealed_at") ", c.seen_xid, c.floor, c.entry,"                                                               \
                       " CASE WHEN isfinite(l.at) THEN " STORE_MS(                                                     \
                           "l.at") "::text ELSE l.at::text END, l.actor_id, l.action,"                                 \
                                   " l.subject, l.old_value, l.new_value, l.reason, l.address, l.agent, l.request_id"  \
                                   " FROM audit_chain c LEFT JOIN audit_log l ON l.id = c.entry ORDER BY c.number"
/* clang-format on */

/* The archived link after which the chain goes on. */
#define AFTER_SQL                                                                                                      \
    "SELECT number, " STORE_MS("sealed_at") ", floor, encode(hash, 'hex') FROM audit_archives"                         \
                                            " ORDER BY number DESC LIMIT 1"

/* $1: the newest floor. Entries in no link; those below it come first. */
#define UNSEALED "FROM audit_log l WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.entry = l.id)"
#define UNSEALED_COUNT_SQL                                                                                             \
    "SELECT count(*) FILTER (WHERE l.id >= $1::uuid), count(*) FILTER (WHERE l.id < $1::uuid) " UNSEALED
#define INSERTED_SQL "SELECT l.id " UNSEALED " AND l.id < $1::uuid ORDER BY l.id"

static bool read_after(struct ctl *ctl, struct audit_end *after)
{
    PGresult *result = store_run(ctl, AFTER_SQL, 0, NULL);
    bool ok = result != NULL;
    *after = (struct audit_end){.number = 0};
    if (ok && PQntuples(result) == 1) {
        after->number = pg_int(result, 0, 0);
        after->sealed_ms = pg_int(result, 0, 1);
        (void)snprintf(after->floor, sizeof after->floor, "%s", pg_text(result, 0, 2));
        (void)snprintf(after->hash, sizeof after->hash, "%s", pg_text(result, 0, 3));
    }
    PQclear(result);
    return ok;
}

static void read_link(const PGresult *page, int row, struct audit_link *link)
{
    link->version = pg_text(page, row, LINK_VERSION);
    link->hash = pg_text(page, row, LINK_HASH);
    link->found = pg_bool(page, row, LINK_FOUND);
    for (int field = 0; field < AUDIT_HASH_FIELDS; field++) {
        int column = LINK_FIELDS + field;
        link->fields[field] = pg_null(page, row, column) ? NULL : pg_text(page, row, column);
    }
}

static bool read_page(const PGresult *page, struct audit_check *check, const struct audit_reader *reader)
{
    for (int row = 0; row < PQntuples(page); row++) {
        struct audit_link link;
        read_link(page, row, &link);
        if (reader->each != NULL && !reader->each(check, &link, reader->arg)) {
            return false;
        }
        audit_check_link(check, &link);
    }
    return true;
}

static bool read_links(struct ctl *ctl, struct audit_check *check, const struct audit_reader *reader)
{
    char fetch[FETCH_SIZE];
    int rows = PAGE_ROWS;
    bool ok = store_do(ctl, LINKS_SQL, 0, NULL);
    (void)snprintf(fetch, sizeof fetch, "FETCH %d FROM links", PAGE_ROWS);
    while (ok && rows == PAGE_ROWS) {
        PGresult *page = store_run(ctl, fetch, 0, NULL);
        ok = page != NULL && read_page(page, check, reader);
        rows = page == NULL ? 0 : PQntuples(page);
        PQclear(page);
    }
    return ok && store_do(ctl, "CLOSE links", 0, NULL);
}

/* Below the newest floor everything was sealed when the floor rose. */
static bool read_unsealed(struct ctl *ctl, struct audit_check *check, int64_t *waiting)
{
    const char *const values[] = {check->end.floor};
    PGresult *counts = store_run(ctl, UNSEALED_COUNT_SQL, ARRAY_LEN(values), values);
    bool ok = counts != NULL;
    int64_t inserted = ok ? pg_int(counts, 0, 1) : 0;
    *waiting = ok ? pg_int(counts, 0, 0) : 0;
    PQclear(counts);
    if (inserted == 0) {
        return ok;
    }
    PGresult *entries = store_run(ctl, INSERTED_SQL, ARRAY_LEN(values), values);
    for (int row = 0; entries != NULL && row < PQntuples(entries); row++) {
        audit_check_differ(check, "entry %s is in no link: it was inserted later than its id says",
                           pg_text(entries, row, 0));
        check->late++;
    }
    ok = entries != NULL;
    PQclear(entries);
    return ok;
}

bool audit_verify_read(struct ctl *ctl, struct audit_check *check, struct audit_reader *reader, const char *wanted)
{
    if (!read_after(ctl, &reader->after)) {
        return false;
    }
    audit_check_begin(check, &reader->after, wanted);
    bool ok = read_links(ctl, check, reader) && read_unsealed(ctl, check, &reader->unsealed);
    audit_check_finish(check);
    return ok;
}

int audit_verify_say(const struct audit_check *check)
{
    if (check->end.number == 0) {
        (void)printf("the chain has no link");
    } else {
        (void)printf("the newest link is %" PRId64 " with hash %s", check->end.number, check->end.hash);
    }
    if (check->differences == 0) {
        (void)printf(": no difference\n");
        return CTL_OK;
    }
    (void)printf(": %" PRId64 " differences\n", check->differences);
    return CTL_FAILED;
}

int audit_verify(struct ctl *ctl, const char *hash)
{
    struct audit_check check;
    struct audit_reader reader = {.each = NULL};
    if (!audit_verify_read(ctl, &check, &reader, hash)) {
        return CTL_FAILED;
    }
    (void)printf("audit log: %" PRId64 " entries sealed, %" PRId64 " before them archived, %" PRId64
                 " not sealed yet; ",
                 check.count, reader.after.number, reader.unsealed);
    return audit_verify_say(&check);
}
