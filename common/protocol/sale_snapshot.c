/*
 * See sale_snapshot.h.
 */
#include "common/protocol/sale_snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/words.h"
#include "common/protocol/keys.h"

enum { WORD_SIZE = 16 };

/* In the order of the text: after all numbers. */
static const enum sale_member words_of_text[] = {SALE_MEMBER_STATUS, SALE_MEMBER_PAYMENT};

static bool is_number(enum sale_member member)
{
    return sale_members[member].type != SALE_MEMBER_WORD;
}

void sale_snapshot_format(const struct sale_snapshot *snapshot, char out[static SALE_SNAPSHOT_TEXT_SIZE])
{
    size_t at = 0;
    for (enum sale_member member = 0; member < SALE_MEMBER_COUNT; member++) {
        if (is_number(member)) {
            at += (size_t)snprintf(out + at, SALE_SNAPSHOT_TEXT_SIZE - at, "%" PRId64 " ",
                                   sale_member_value(snapshot, member));
            assert(at < SALE_SNAPSHOT_TEXT_SIZE);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(words_of_text); i++) {
        at += (size_t)snprintf(out + at, SALE_SNAPSHOT_TEXT_SIZE - at, "%s%s", i == 0 ? "" : " ",
                               sale_member_text(snapshot, words_of_text[i]));
        assert(at < SALE_SNAPSHOT_TEXT_SIZE);
    }
}

bool sale_snapshot_parse(const char *text, size_t length, struct sale_snapshot *snapshot)
{
    struct words words = {text, text + length};
    char word[WORD_SIZE];
    for (enum sale_member member = 0; member < SALE_MEMBER_COUNT; member++) {
        if (is_number(member) && !words_number(&words, sale_member(snapshot, member))) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(words_of_text); i++) {
        if (!words_text(&words, word, sizeof word) || !sale_member_parse(snapshot, words_of_text[i], word)) {
            return false;
        }
    }
    return words.at == words.end;
}

bool sale_snapshot_read_row(const PGresult *result, int row, struct sale_snapshot *snapshot)
{
    *snapshot = (struct sale_snapshot){.sale_id = pg_uuid(result, row, SALE_SNAPSHOT_COLUMN_ID)};
    return sale_members_read(snapshot, 0, SALE_MEMBER_COUNT, result, row, SALE_SNAPSHOT_COLUMN_MEMBERS);
}

bool sale_snapshot_write(const struct snapshot_writer *writer, const struct sale_snapshot *snapshot,
                         redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    char text[SALE_SNAPSHOT_TEXT_SIZE];
    if (writer->epoch == 0) {
        return false;
    }
    keys_sale(writer->epoch, &snapshot->sale_id, key);
    sale_snapshot_format(snapshot, text);
    return snapshot_write_key(writer, key, snapshot->version, text, callback, arg);
}

bool sale_snapshot_ask_fresh(struct redis *redis, size_t script, int64_t epoch, const struct uuid *sale,
                             redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    keys_sale(epoch, sale, key);
    return snapshot_ask_fresh_key(redis, script, key, callback, arg);
}
