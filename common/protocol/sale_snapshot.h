/*
 * The snapshot of a flash sale in Redis: its terms, state and counters. Gateways refuse by it what is certain, and show
 * it to guests. The sale worker writes it after each batch; a gateway loads a missing one from PostgreSQL.
 *
 * It is stored as the snapshot of an auction (snapshot.h), by the same scripts: a newer version is never overwritten,
 * and a snapshot refuses only while it is fresh.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SALE_SNAPSHOT_H
#define ROSTRUM_COMMON_PROTOCOL_SALE_SNAPSHOT_H

#include "common/protocol/sale_members.h"
#include "common/protocol/snapshot.h"

enum { SALE_SNAPSHOT_TEXT_SIZE = 384 };

/* The columns of table flash_sales from which sale_snapshot_read_row makes a snapshot: the id, then enum sale_member.
 */
#define SALE_SNAPSHOT_COLUMNS                                                                                          \
    "id, version, head_seq, price, quantity, per_user_limit, (extract(epoch FROM join_time) * 1000)::bigint,"          \
    " (extract(epoch FROM start_time) * 1000)::bigint, (extract(epoch FROM end_time) * 1000)::bigint, turn_s,"         \
    " reservation_s, payment, status, claimed, reserved, sold, waiting, ledger_seq,"                                   \
    " coalesce((extract(epoch FROM decided_at) * 1000)::bigint, 0)"
enum {
    SALE_SNAPSHOT_COLUMN_ID,
    SALE_SNAPSHOT_COLUMN_MEMBERS,
    SALE_SNAPSHOT_COLUMN_VERSION = SALE_SNAPSHOT_COLUMN_MEMBERS + SALE_MEMBER_VERSION,
    SALE_SNAPSHOT_COLUMN_END = SALE_SNAPSHOT_COLUMN_MEMBERS + SALE_MEMBER_END,
    SALE_SNAPSHOT_COLUMN_COUNT = SALE_SNAPSHOT_COLUMN_MEMBERS + SALE_MEMBER_COUNT
};
/* Makes a snapshot of a row that begins with SALE_SNAPSHOT_COLUMNS. False if its status or payment is unknown. */
MUST_CHECK bool sale_snapshot_read_row(const PGresult *result, int row, struct sale_snapshot *snapshot);

/* As text: the numbers of enum sale_member, the status and the payment, separated by spaces. */
void sale_snapshot_format(const struct sale_snapshot *snapshot, char out[static SALE_SNAPSHOT_TEXT_SIZE]);
/* Parses all members but sale_id. False if the text is invalid; `snapshot` is then undefined. */
MUST_CHECK bool sale_snapshot_parse(const char *text, size_t length, struct sale_snapshot *snapshot);
/* As snapshot_write, with the same writer. */
MUST_CHECK bool sale_snapshot_write(const struct snapshot_writer *writer, const struct sale_snapshot *snapshot,
                                    redis_callback callback, void *arg);
/* As snapshot_ask_fresh, with the same script. */
MUST_CHECK bool sale_snapshot_ask_fresh(struct redis *redis, size_t script, int64_t epoch, const struct uuid *sale,
                                        redis_callback callback, void *arg);

#endif
