/*
 * See ledger_check.h. An entry with another hash than its columns give is one difference: the check goes on with the
 * stored hash.
 */
#include "deploy/ctl/ledger_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/base.h"
#include "common/protocol/ledger_hash.h"
#include "deploy/ctl/replay.h"

/* Reports a difference of entry `seq`; 0: of the auction's row. */
static void differ(struct ledger_check *check, int64_t seq, const char *format, ...) PRINTF_LIKE(3, 4);
static void differ(struct ledger_check *check, int64_t seq, const char *format, ...)
{
    char id[UUID_TEXT_SIZE];
    va_list arguments;
    check->differences++;
    if (check->differences > LEDGER_CHECK_SHOWN_MAX) {
        return;
    }
    uuid_format(&check->auction_id, id);
    (void)printf("auction %s", id);
    if (seq > 0) {
        (void)printf(" entry %" PRId64, seq);
    }
    (void)fputs(": ", stdout);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
}

void ledger_check_begin(struct ledger_check *check, const struct uuid *auction_id)
{
    *check = (struct ledger_check){.auction_id = *auction_id};
}

void ledger_check_entry(struct ledger_check *check, const PGresult *result, int row)
{
    struct replay_hash stored;
    const char *fields[LEDGER_HASH_FIELDS];
    char due[HASH_CHAIN_TEXT_SIZE];
    replay_read_hash(result, row, &stored, fields);
    check->due = check->due || stored.due;
    if (stored.hash[0] == '\0') {
        if (check->due) {
            differ(check, stored.seq, "it has no hash");
        } else {
            check->unhashed++;
        }
        return;
    }
    if (strcmp(stored.version, LEDGER_HASH_VERSION_TEXT) != 0) {
        differ(check, stored.seq, "its hash has version %s, which this program does not know", stored.version);
    } else {
        ledger_hash(check->hash, fields, due);
        if (strcmp(due, stored.hash) != 0) {
            differ(check, stored.seq, "its hash is not that of its columns and of the entry before");
        }
    }
    (void)snprintf(check->hash, sizeof check->hash, "%s", stored.hash);
    check->hash_seq = stored.seq;
}

void ledger_check_end(struct ledger_check *check, const PGresult *result, int row)
{
    struct replay_hash stored;
    replay_read_newest_hash(result, row, &stored);
    if (strcmp(stored.hash, check->hash) != 0 || stored.seq != check->hash_seq) {
        differ(check, 0, "its newest hash is %s of entry %" PRId64 ", in the ledger it is %s of entry %" PRId64,
               stored.hash[0] == '\0' ? "none" : stored.hash, stored.seq, check->hash[0] == '\0' ? "none" : check->hash,
               check->hash_seq);
    }
    if (check->differences > LEDGER_CHECK_SHOWN_MAX) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&check->auction_id, id);
        (void)printf("auction %s: and %" PRId64 " more of its hashes\n", id,
                     check->differences - LEDGER_CHECK_SHOWN_MAX);
    }
}
