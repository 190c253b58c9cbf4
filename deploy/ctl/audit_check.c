/*
 * See audit_check.h. Ids are compared as text: they are of equal length and in lower case.
 */
#include "deploy/ctl/audit_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /*
     * Between the time of an entry, that of its id, and that of its sealing. It is for the skew of clocks and the
     * length of transactions, which the programs end after pg_timeout_ms.
     */
    APART_MS = 10 * 60 * 1000,
    ID_TIME_BYTES = 6,
    BYTE_BITS = 8,
    DECIMAL = 10,
};

#define NO_FLOOR "00000000-0000-0000-0000-000000000000"

void audit_check_differ(struct audit_check *check, const char *format, ...)
{
    va_list arguments;
    check->differences++;
    if (check->differences > AUDIT_CHECK_SHOWN_MAX) {
        return;
    }
    (void)fputs("audit log: ", stdout);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

void audit_check_begin(struct audit_check *check, const struct audit_end *after, const char *wanted)
{
    *check = (struct audit_check){.wanted = wanted, .end = *after};
    if (check->end.floor[0] == '\0') {
        (void)snprintf(check->end.floor, sizeof check->end.floor, NO_FLOOR);
    }
    (void)snprintf(check->searched_floor, sizeof check->searched_floor, "%s", check->end.floor);
    check->met = wanted != NULL && strcmp(wanted, check->end.hash) == 0;
}

static int64_t field_int(const struct audit_link *link, enum audit_hash_field field)
{
    return link->fields[field] == NULL ? 0 : strtoll(link->fields[field], NULL, DECIMAL);
}

static const char *field_text(const struct audit_link *link, enum audit_hash_field field)
{
    return link->fields[field] == NULL ? "" : link->fields[field];
}

/* Milliseconds since 1970 at the start of an id. */
static int64_t id_time(const char *text)
{
    struct uuid id = {{0}};
    int64_t ms = 0;
    if (uuid_parse(text, strlen(text), &id)) {
        for (int i = 0; i < ID_TIME_BYTES; i++) {
            ms = (ms << BYTE_BITS) | id.bytes[i];
        }
    }
    return ms;
}

/* An entry that was inserted with an older time, and then sealed like a new one. */
static void check_times(struct audit_check *check, const struct audit_link *link)
{
    const char *entry = field_text(link, AUDIT_HASH_ENTRY);
    int64_t id_ms = id_time(entry);
    int64_t at_ms = field_int(link, AUDIT_HASH_AT);
    if (strcmp(entry, check->searched_floor) < 0) {
        audit_check_differ(check, "entry %s: the sealer has not found it, so its link is not by the sealer", entry);
    } else if (id_ms < check->newest_ms - APART_MS) {
        audit_check_differ(check, "entry %s: it was inserted later than its id says", entry);
        check->late++;
    } else if (at_ms > id_ms + APART_MS || at_ms < id_ms - APART_MS) {
        audit_check_differ(check, "entry %s: its time is not that of its id", entry);
        check->late++;
    }
}

/* The order of the links themselves. */
static void check_order(struct audit_check *check, const struct audit_link *link)
{
    int64_t number = field_int(link, AUDIT_HASH_NUMBER);
    if (field_int(link, AUDIT_HASH_SEALED) < check->end.sealed_ms) {
        audit_check_differ(check, "link %" PRId64 " was sealed before the link before it", number);
    }
    if (strcmp(field_text(link, AUDIT_HASH_FLOOR), check->end.floor) < 0) {
        audit_check_differ(check, "link %" PRId64 " has a smaller floor than the link before it", number);
    }
}

/* After a gap the hash before is not known, so that the hash of this link cannot be checked. */
static void check_hash(struct audit_check *check, const struct audit_link *link)
{
    const char *entry = field_text(link, AUDIT_HASH_ENTRY);
    int64_t number = field_int(link, AUDIT_HASH_NUMBER);
    char due[HASH_CHAIN_TEXT_SIZE];
    if (strcmp(link->version, AUDIT_HASH_VERSION_TEXT) != 0) {
        audit_check_differ(check, "link %" PRId64 " has version %s, which this program does not know", number,
                           link->version);
        return;
    }
    if (!link->found) {
        audit_check_differ(check, "entry %s of link %" PRId64 " was removed", entry, number);
        return;
    }
    if (number == check->end.number + 1) {
        audit_hash(check->end.hash, link->fields, due);
        if (strcmp(due, link->hash) != 0) {
            audit_check_differ(check, "entry %s, or its link %" PRId64 ", was changed: its hash is another one", entry,
                               number);
            return;
        }
    }
    check_times(check, link);
}

void audit_check_link(struct audit_check *check, const struct audit_link *link)
{
    int64_t number = field_int(link, AUDIT_HASH_NUMBER);
    int64_t sealed_ms = field_int(link, AUDIT_HASH_SEALED);
    if (number != check->end.number + 1) {
        audit_check_differ(check, "links %" PRId64 " to %" PRId64 ", between entries %s and %s, were removed",
                           check->end.number + 1, number - 1, check->entry[0] == '\0' ? "none" : check->entry,
                           field_text(link, AUDIT_HASH_ENTRY));
    }
    if (sealed_ms != check->end.sealed_ms) {
        memcpy(check->searched_floor, check->end.floor, sizeof check->searched_floor);
    }
    check_order(check, link);
    check_hash(check, link);
    check->met = check->met || (check->wanted != NULL && strcmp(check->wanted, link->hash) == 0);
    int64_t id_ms = id_time(field_text(link, AUDIT_HASH_ENTRY));
    int64_t newest_ms = id_ms < sealed_ms ? id_ms : sealed_ms; /* a clock may be ahead */
    check->newest_ms = newest_ms > check->newest_ms ? newest_ms : check->newest_ms;
    check->count++;
    check->end.number = number;
    check->end.sealed_ms = sealed_ms;
    (void)snprintf(check->end.floor, sizeof check->end.floor, "%s", field_text(link, AUDIT_HASH_FLOOR));
    (void)snprintf(check->end.hash, sizeof check->end.hash, "%s", link->hash);
    (void)snprintf(check->entry, sizeof check->entry, "%s", field_text(link, AUDIT_HASH_ENTRY));
}

void audit_check_finish(struct audit_check *check)
{
    if (check->wanted != NULL && !check->met) {
        audit_check_differ(check, "no link has the hash %s: the chain was cut off or made anew", check->wanted);
    }
    if (check->differences > AUDIT_CHECK_SHOWN_MAX) {
        (void)printf("audit log: and %" PRId64 " more differences\n", check->differences - AUDIT_CHECK_SHOWN_MAX);
    }
}
