/*
 * See ledger_check.h. An entry with another hash than its columns give is one difference: the check goes on with the
 * stored hash.
 */
#include "deploy/ctl/ledger_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/base.h"
#include "common/protocol/ledger_hash.h"
#include "deploy/ctl/replay.h"

void ledger_check_begin(struct ledger_check *check, const struct uuid *auction_id)
{
    *check = (struct ledger_check){.found = {.of = "auction", .id = *auction_id}};
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
            differ(&check->found, stored.seq, "it has no hash");
        } else {
            check->unhashed++;
        }
        return;
    }
    if (strcmp(stored.version, LEDGER_HASH_VERSION_TEXT) != 0) {
        differ(&check->found, stored.seq, "its hash has version %s, which this program does not know", stored.version);
    } else {
        ledger_hash(check->hash, fields, due);
        if (strcmp(due, stored.hash) != 0) {
            differ(&check->found, stored.seq, "its hash is not that of its columns and of the entry before");
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
        differ(&check->found, 0, "its newest hash is %s of entry %" PRId64 ", in the ledger it is %s of entry %" PRId64,
               stored.hash[0] == '\0' ? "none" : stored.hash, stored.seq, check->hash[0] == '\0' ? "none" : check->hash,
               check->hash_seq);
    }
    differences_end(&check->found, " of its hashes");
}
