/*
 * See sale_replay.h. After a difference the replay goes on with the state of the rules, and with the stored number of
 * the entry, because places are named by such numbers.
 */
#include "deploy/ctl/sale_replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/sale_hash.h"
#include "common/rules/sale_check.h"
#include "deploy/ctl/store.h"

enum { MS_PER_S = 1000 };

/* The columns of terms, in the order of enum terms_column. */
enum terms_column {
    TERMS_PRICE,
    TERMS_QUANTITY,
    TERMS_LIMIT,
    TERMS_JOIN_MS,
    TERMS_START_MS,
    TERMS_END_MS,
    TERMS_TURN_S,
    TERMS_RESERVATION_S,
    TERMS_PAYMENT,
    TERMS_COLUMNS,
};

enum sale_column {
    SALE_ID,
    SALE_FIRST_TERMS,
    SALE_PRESENT_TERMS = SALE_FIRST_TERMS + TERMS_COLUMNS,
    SALE_STATUS = SALE_PRESENT_TERMS + TERMS_COLUMNS,
    SALE_CLAIMED,
    SALE_RESERVED,
    SALE_SOLD,
    SALE_WAITING,
    SALE_HEAD_SEQ,
    SALE_LEDGER_SEQ,
    SALE_DECIDED_MS,
    SALE_HASH,
};

enum entry_column {
    ENTRY_SALE,
    ENTRY_SEQ,
    ENTRY_COMMAND,
    ENTRY_KIND,
    ENTRY_STATUS,
    ENTRY_REASON,
    ENTRY_PAID,
    ENTRY_USER,
    ENTRY_QUANTITY,
    ENTRY_PLACE,
    ENTRY_ORDER,
    ENTRY_AMOUNT,
    ENTRY_END_MS,
    ENTRY_REFUSED_MS,
    ENTRY_RECEIVED_MS,
    ENTRY_DECIDED_MS,
    ENTRY_HASH_VERSION,
    ENTRY_HASH,
    ENTRY_REFUND,
    ENTRY_REFUND_AMOUNT,
    ENTRY_HAS_TERMS,
    ENTRY_TERMS,
};

/* clang-format off */
#define FIRST(column) "CASE WHEN t.id IS NULL THEN s." column " ELSE t." column " END"
#define TERMS_FROM(x)                                                                                                  \
    x ".price, " x ".quantity, " x ".per_user_limit, " STORE_MS(x ".join_time") ", " STORE_MS(x ".start_time") ", "    \
    STORE_MS(x ".end_time") ", " x ".turn_s, " x ".reservation_s, " x ".payment"

const struct stream_query SALE_REPLAY_SALES = {
    .name = "sales_seen",
    .columns =
        "s.id, " FIRST("price") ", " FIRST("quantity") ", " FIRST("per_user_limit") ", "
        STORE_MS("coalesce(t.join_time, s.join_time)") ", " STORE_MS("coalesce(t.start_time, s.start_time)") ", "
        STORE_MS("coalesce(t.end_time, s.end_time)") ", " FIRST("turn_s") ", " FIRST("reservation_s") ", "
        FIRST("payment") ", " TERMS_FROM("s") ", s.status, s.claimed, s.reserved, s.sold, s.waiting, s.head_seq,"
        " s.ledger_seq, " STORE_MS("s.decided_at") ", encode(s.ledger_hash, 'hex')",
    .tables = "flash_sales s LEFT JOIN sale_terms t ON t.sale_id = s.id AND t.id = s.id",
    .id_column = "s.id",
    .order = "s.id",
};

const struct stream_query SALE_REPLAY_ENTRIES = {
    .name = "sale_entries_seen",
    .columns =
        "l.sale_id, l.seq, l.command_id, l.kind, l.status, l.reason, l.paid, l.user_id, l.quantity, l.place, l.order_id,"
        " l.amount, " STORE_MS("l.end_time") ", l.refused_ms, " STORE_MS("l.received_at") ", " STORE_MS("l.decided_at")
        ", l.hash_version, encode(l.hash, 'hex'), r.id IS NOT NULL, r.amount, t.id IS NOT NULL, " TERMS_FROM("t"),
    .tables = "sale_ledger l LEFT JOIN sale_terms t ON t.sale_id = l.sale_id AND t.id = l.command_id"
              " LEFT JOIN refunds r ON r.id = l.command_id AND r.sale_id = l.sale_id"
              " AND r.order_id IS NOT DISTINCT FROM l.order_id",
    .id_column = "l.sale_id",
    .order = "l.sale_id, l.seq",
};
/* clang-format on */

/* --- before the first entry --- */

/* Returns false if a value cannot be read; `terms` are then invalid. */
static bool read_terms(const PGresult *result, int row, int first, struct sale_terms *terms)
{
    *terms = (struct sale_terms){
        .price = store_money(result, row, first + TERMS_PRICE),
        .quantity = pg_int(result, row, first + TERMS_QUANTITY),
        .per_user_limit = pg_int(result, row, first + TERMS_LIMIT),
        .join_ms = pg_int(result, row, first + TERMS_JOIN_MS),
        .start_ms = pg_int(result, row, first + TERMS_START_MS),
        .end_ms = pg_int(result, row, first + TERMS_END_MS),
        .turn_ms = pg_int(result, row, first + TERMS_TURN_S) * MS_PER_S,
        .reservation_ms = pg_int(result, row, first + TERMS_RESERVATION_S) * MS_PER_S,
    };
    return sale_payment_parse(pg_text(result, row, first + TERMS_PAYMENT), &terms->payment);
}

void sale_replay_begin(struct sale_replay *replay, const PGresult *result, int row)
{
    struct sale sale = {.status = SALE_UPCOMING};
    replay->found = (struct differences){.of = "sale", .id = pg_uuid(result, row, SALE_ID)};
    replay->seq = 0;
    replay->decided_ms = 0;
    replay->turns = 0;
    replay->hash[0] = '\0';
    replay->readable = read_terms(result, row, SALE_FIRST_TERMS, &sale.terms) && sale_terms_valid(&sale.terms);
    if (!replay->readable) {
        differ(&replay->found, 0, "its terms are invalid, so its ledger cannot be replayed");
        sale.terms = (struct sale_terms){0};
    }
    sale_set_begin(&replay->set, &sale, 0, true);
}

/* --- entries --- */

/* The words for a verdict; a command that was dropped has no entry. */
static const char *verdict_text(enum sale_verdict verdict)
{
    return verdict == SALE_VERDICT_DROPPED ? "without effect, and no entry" : sale_verdict_text(verdict);
}

static void check_row(struct sale_replay *replay, const PGresult *result, int row, const struct sale_row *due)
{
    struct differences *found = &replay->found;
    int64_t seq = replay->seq;
    differ_text(found, seq, "its status", pg_text(result, row, ENTRY_STATUS), verdict_text(due->verdict));
    differ_text(found, seq, "its reason", pg_text(result, row, ENTRY_REASON), sale_reason_text(due->reason));
    differ_id(found, seq, "its user", pg_uuid(result, row, ENTRY_USER), due->user_id);
    differ_number(found, seq, "its quantity", pg_int(result, row, ENTRY_QUANTITY), due->quantity);
    differ_number(found, seq, "its place", pg_int(result, row, ENTRY_PLACE), due->place);
    differ_id(found, seq, "its order", pg_uuid(result, row, ENTRY_ORDER), due->order_id);
    differ_money(found, seq, "its amount", store_money(result, row, ENTRY_AMOUNT), due->amount);
    differ_time(found, seq, "its time of decision", pg_int(result, row, ENTRY_DECIDED_MS), due->decided_ms);
}

/* A payment that bought nothing has a row in table refunds, and nothing else has. */
static void check_refund(struct sale_replay *replay, const PGresult *result, int row,
                         const struct sale_decision *decision)
{
    bool due = decision->refund_due || decision->payment_unused;
    bool stored = pg_bool(result, row, ENTRY_REFUND);
    if (due != stored) {
        differ(&replay->found, replay->seq,
               due ? "its payment bought nothing, and no refund is kept" : "a refund is kept for it, and none is due");
    } else if (due) {
        differ_money(&replay->found, replay->seq, "the amount of its refund",
                     store_money(result, row, ENTRY_REFUND_AMOUNT), store_money(result, row, ENTRY_AMOUNT));
    }
}

static void check_turn(struct sale_replay *replay, const PGresult *result, int row)
{
    if (!sale_grant_due(&replay->set)) {
        differ(&replay->found, replay->seq, "a turn was granted that nobody has a right to");
        return;
    }
    sale_grant(&replay->set);
    differ_id(&replay->found, replay->seq, "the command of a turn", pg_uuid(result, row, ENTRY_COMMAND),
              (struct uuid){{0}});
    check_row(replay, result, row, &replay->set.rows[0]);
}

/* Grants what is missing, so that the command can be decided. Their numbers are not used. */
static void grant_missing(struct sale_replay *replay)
{
    size_t missing = 0;
    for (; sale_grant_due(&replay->set); missing++) {
        replay->set.row_count = 0; /* there is room for a few */
        sale_grant(&replay->set);
    }
    if (missing > 0) {
        differ(&replay->found, replay->seq, "%zu turns before it are missing", missing);
    }
}

/* Kind and reason. False if one is unknown. */
static bool read_kind(struct sale_replay *replay, const PGresult *result, int row, struct sale_command *command,
                      enum sale_reason *reason)
{
    const char *reason_text = pg_text(result, row, ENTRY_REASON);
    if (!sale_command_parse(pg_text(result, row, ENTRY_KIND), &command->kind) ||
        (reason_text[0] != '\0' && !sale_reason_parse(reason_text, reason))) {
        differ(&replay->found, replay->seq, "its kind or reason is unknown");
        return false;
    }
    return true;
}

static bool read_command(struct sale_replay *replay, const PGresult *result, int row, struct sale_command *command,
                         enum sale_reason reason, struct sale_terms *terms)
{
    bool asks = command->kind == SALE_COMMAND_JOIN || command->kind == SALE_COMMAND_ORDER;
    command->paid = pg_bool(result, row, ENTRY_PAID);
    command->banned = reason == SALE_REASON_USER_BANNED;
    command->stale = reason == SALE_REASON_VERSION_CONFLICT;
    command->id = pg_uuid(result, row, ENTRY_COMMAND);
    if (!command->paid && command->kind != SALE_COMMAND_FAIL) { /* the payment of an order names no user */
        command->user_id = pg_uuid(result, row, ENTRY_USER);
    }
    command->quantity = asks ? pg_int(result, row, ENTRY_QUANTITY) : 0;
    command->order_id = pg_uuid(result, row, ENTRY_ORDER);
    command->amount = store_money(result, row, ENTRY_AMOUNT);
    command->received_ms = pg_int(result, row, ENTRY_RECEIVED_MS);
    command->refused_ms = pg_int(result, row, ENTRY_REFUSED_MS);
    command->end_ms = pg_int(result, row, ENTRY_END_MS);
    command->terms = terms;
    if (command->refused_ms < 0 || command->refused_ms > SALE_TIME_MS_MAX) {
        differ(&replay->found, replay->seq, "the time in which the deployment refused is impossible");
        return false;
    }
    if (command->kind == SALE_COMMAND_UPDATE &&
        (!pg_bool(result, row, ENTRY_HAS_TERMS) || !read_terms(result, row, ENTRY_TERMS, terms))) {
        differ(&replay->found, replay->seq, "its new terms are missing or invalid");
        return false;
    }
    return true;
}

/* A command that could not be decided has a row, and changed nothing. An ORDER is also a rejected order. */
static void pass_undecided(struct sale_replay *replay, const PGresult *result, int row, enum sale_command_kind kind)
{
    struct sale_set *set = &replay->set;
    const struct sale_order order = {
        .id = pg_uuid(result, row, ENTRY_COMMAND),
        .seq = replay->seq,
        .user_id = pg_uuid(result, row, ENTRY_USER),
        .quantity = pg_int(result, row, ENTRY_QUANTITY),
        .status = SALE_ORDER_REJECTED,
        .reason = SALE_REASON_INTERNAL_ERROR,
    };
    differ_text(&replay->found, replay->seq, "its status", pg_text(result, row, ENTRY_STATUS),
                sale_verdict_text(SALE_VERDICT_REJECTED));
    if (kind == SALE_COMMAND_ORDER) {
        (void)sale_set_new_order(set, &order);
    }
    sale_set_new_row(set, (struct sale_row){.verdict = SALE_VERDICT_REJECTED});
}

/* Whether an undecided command is a payment whose money has to go back. */
static bool is_returned(const PGresult *result, int row, enum sale_command_kind kind)
{
    return kind == SALE_COMMAND_CONFIRM && pg_bool(result, row, ENTRY_PAID) && !pg_null(result, row, ENTRY_AMOUNT) &&
           !pg_null(result, row, ENTRY_ORDER);
}

static bool decided_before(const struct sale_replay *replay, const PGresult *result, int row,
                           enum sale_command_kind kind)
{
    struct uuid id = pg_uuid(result, row, ENTRY_COMMAND);
    return kind == SALE_COMMAND_ORDER && sale_set_order(&replay->set, &id) != NULL;
}

static void decide(struct sale_replay *replay, const PGresult *result, int row)
{
    struct sale_set *set = &replay->set;
    struct sale_command command = {.kind = SALE_COMMAND_NONE};
    struct sale_terms terms = {0};
    enum sale_reason reason = SALE_REASON_NONE;
    grant_missing(replay);
    if (!read_kind(replay, result, row, &command, &reason)) {
        return;
    }
    set->row_count = 0; /* those of missing turns */
    set->sale.ledger_seq = replay->seq - 1;
    if (decided_before(replay, result, row, command.kind)) {
        differ(&replay->found, replay->seq, "its command was decided before");
        return;
    }
    if (reason == SALE_REASON_INTERNAL_ERROR) {
        const struct sale_decision undecided = {.payment_unused = is_returned(result, row, command.kind)};
        pass_undecided(replay, result, row, command.kind);
        check_refund(replay, result, row, &undecided);
        return;
    }
    if (!read_command(replay, result, row, &command, reason, &terms)) {
        return;
    }
    struct sale_decision decision = sale_apply(set, &command);
    if (set->row_count == 0) {
        differ_text(&replay->found, replay->seq, "its status", pg_text(result, row, ENTRY_STATUS),
                    verdict_text(decision.verdict));
    } else {
        check_row(replay, result, row, &set->rows[0]);
    }
    check_refund(replay, result, row, &decision);
}

/* Rows of a batch have the same time; a transaction grants at most SALE_GRANTS_MAX turns. */
static void count_turn(struct sale_replay *replay, int64_t decided_ms, bool turn)
{
    if (decided_ms != replay->decided_ms) {
        replay->turns = 0;
    }
    replay->decided_ms = decided_ms;
    replay->turns += turn;
}

/* --- hashes --- */

/* The entry as stored. False if a word of it is unknown. */
static bool read_row(const PGresult *result, int row, struct sale_row *stored)
{
    const char *reason = pg_text(result, row, ENTRY_REASON);
    *stored = (struct sale_row){
        .seq = pg_int(result, row, ENTRY_SEQ),
        .command_id = pg_uuid(result, row, ENTRY_COMMAND),
        .paid = pg_bool(result, row, ENTRY_PAID),
        .user_id = pg_uuid(result, row, ENTRY_USER),
        .quantity = pg_int(result, row, ENTRY_QUANTITY),
        .place = pg_int(result, row, ENTRY_PLACE),
        .order_id = pg_uuid(result, row, ENTRY_ORDER),
        .amount = store_money(result, row, ENTRY_AMOUNT),
        .end_ms = pg_int(result, row, ENTRY_END_MS),
        .refused_ms = pg_int(result, row, ENTRY_REFUSED_MS),
        .received_ms = pg_int(result, row, ENTRY_RECEIVED_MS),
        .decided_ms = pg_int(result, row, ENTRY_DECIDED_MS),
    };
    return sale_ledger_parse(pg_text(result, row, ENTRY_KIND), &stored->kind) &&
           sale_verdict_parse(pg_text(result, row, ENTRY_STATUS), &stored->verdict) &&
           (reason[0] == '\0' || sale_reason_parse(reason, &stored->reason)) && stored->amount >= 0;
}

/* From the stored columns alone. After a difference the check goes on with the stored hash. */
static void check_hash(struct sale_replay *replay, const PGresult *result, int row)
{
    struct sale_row stored;
    char due[HASH_CHAIN_TEXT_SIZE];
    const char *hash = pg_text(result, row, ENTRY_HASH);
    const char *version = pg_text(result, row, ENTRY_HASH_VERSION);
    int64_t seq = pg_int(result, row, ENTRY_SEQ);
    if (strcmp(version, SALE_HASH_VERSION_TEXT) != 0) {
        differ(&replay->found, seq, "its hash has version %s, which this program does not know", version);
    } else if (!read_row(result, row, &stored)) {
        differ(&replay->found, seq, "it has a word or amount that no entry has, so its hash is wrong");
    } else {
        sale_hash(replay->hash, &replay->found.id, &stored, due);
        if (strcmp(due, hash) != 0) {
            differ(&replay->found, seq, "its hash is not that of its columns and of the entry before");
        }
    }
    (void)snprintf(replay->hash, sizeof replay->hash, "%s", hash);
}

void sale_replay_entry(struct sale_replay *replay, const PGresult *result, int row)
{
    int64_t seq = pg_int(result, row, ENTRY_SEQ);
    bool turn = strcmp(pg_text(result, row, ENTRY_KIND), SALE_LEDGER_TURN) == 0;
    if (seq != replay->seq + 1) {
        differ(&replay->found, seq, "the entry before it is %" PRId64 ": the ledger has a gap", replay->seq);
    }
    replay->seq = seq;
    check_hash(replay, result, row);
    if (!replay->readable || seq < 1) {
        return;
    }
    count_turn(replay, pg_int(result, row, ENTRY_DECIDED_MS), turn);
    sale_set_written(&replay->set, replay->decided_ms);
    replay->readable = sale_set_ready(&replay->set, 1);
    if (!replay->readable) {
        differ(&replay->found, seq, "no memory to decide it");
        return;
    }
    replay->set.sale.ledger_seq = seq - 1;
    if (turn) {
        check_turn(replay, result, row);
    } else {
        decide(replay, result, row);
    }
    replay->set.sale.ledger_seq = seq;
}

/* --- after the last entry --- */

static void check_terms(struct sale_replay *replay, const PGresult *result, int row)
{
    struct differences *found = &replay->found;
    const struct sale_terms *due = &replay->set.sale.terms;
    struct sale_terms stored;
    if (!read_terms(result, row, SALE_PRESENT_TERMS, &stored)) {
        differ(found, 0, "its terms are invalid");
        return;
    }
    differ_money(found, 0, "its price", stored.price, due->price);
    differ_number(found, 0, "its quantity", stored.quantity, due->quantity);
    differ_number(found, 0, "its limit per user", stored.per_user_limit, due->per_user_limit);
    differ_time(found, 0, "its join time", stored.join_ms, due->join_ms);
    differ_time(found, 0, "its start time", stored.start_ms, due->start_ms);
    differ_time(found, 0, "its end time", stored.end_ms, due->end_ms);
    differ_number(found, 0, "the time of a turn (ms)", stored.turn_ms, due->turn_ms);
    differ_number(found, 0, "the time of a reservation (ms)", stored.reservation_ms, due->reservation_ms);
    differ_text(found, 0, "its payment", sale_payment_text(stored.payment), sale_payment_text(due->payment));
}

static void check_state(struct sale_replay *replay, const PGresult *result, int row)
{
    struct differences *found = &replay->found;
    const struct sale *due = &replay->set.sale;
    differ_text(found, 0, "its status", pg_text(result, row, SALE_STATUS), sale_status_text(due->status));
    differ_number(found, 0, "the number of claimed units", pg_int(result, row, SALE_CLAIMED), due->claimed);
    differ_number(found, 0, "the number of reserved units", pg_int(result, row, SALE_RESERVED), due->reserved);
    differ_number(found, 0, "the number of sold units", pg_int(result, row, SALE_SOLD), due->sold);
    differ_number(found, 0, "the number of waiting places", pg_int(result, row, SALE_WAITING), due->waiting);
    differ_time(found, 0, "the time of its last decision", pg_int(result, row, SALE_DECIDED_MS), due->decided_ms);
}

/* No place before the head waits: a position is counted from there. */
static void check_head(struct sale_replay *replay, const PGresult *result, int row)
{
    int64_t head_seq = pg_int(result, row, SALE_HEAD_SEQ);
    const struct sale_entry *first = replay->set.sale.waiting > 0 ? sale_set_head(&replay->set) : NULL;
    if (first != NULL && first->seq < head_seq) {
        differ(&replay->found, 0, "place %" PRId64 " waits, but the line is read from %" PRId64, first->seq, head_seq);
    }
}

void sale_replay_end(struct sale_replay *replay, const PGresult *result, int row)
{
    differ_number(&replay->found, 0, "the number of its last entry", pg_int(result, row, SALE_LEDGER_SEQ), replay->seq);
    differ_text(&replay->found, 0, "its newest hash", pg_text(result, row, SALE_HASH), replay->hash);
    if (!replay->readable) {
        return;
    }
    if (sale_grant_due(&replay->set) && replay->turns < SALE_GRANTS_MAX) {
        differ(&replay->found, 0, "units are free and users wait, but no turn was granted");
    }
    check_terms(replay, result, row);
    check_state(replay, result, row);
    check_head(replay, result, row);
    const char *violated = sale_check(&replay->set);
    if (violated != NULL) {
        differ(&replay->found, 0, "after its last entry %s", violated);
    }
}

bool sale_replay_rejected(const PGresult *result, int row)
{
    const char *reason = pg_text(result, row, ENTRY_REASON);
    return strcmp(reason, sale_reason_text(SALE_REASON_NOT_FOUND)) == 0 ||
           strcmp(reason, sale_reason_text(SALE_REASON_INTERNAL_ERROR)) == 0;
}

void sale_replay_free(struct sale_replay *replay)
{
    sale_set_free(&replay->set);
}
