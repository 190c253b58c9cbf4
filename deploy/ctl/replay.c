/*
 * See replay.h.
 */
#include "deploy/ctl/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/pg.h"
#include "common/rules/bid_status.h"
#include "deploy/ctl/store.h"

enum { MS_PER_S = 1000 };

enum auction_column {
    AUCTION_ID,
    AUCTION_SELLER,
    AUCTION_STARTING_PRICE,
    AUCTION_RESERVE_PRICE,
    AUCTION_BUY_NOW_PRICE,
    AUCTION_INCREMENTS,
    AUCTION_SNIPE_WINDOW_S,
    AUCTION_SNIPE_EXTENSION_S,
    AUCTION_SNIPE_MAX,
    AUCTION_START_MS,
    AUCTION_ORIGINAL_END_MS,
    AUCTION_PUBLISHED_MS,
    AUCTION_TERMS_VERSION,
    AUCTION_PRESENT_TERMS_VERSION,
    AUCTION_PRESENT_STARTING_PRICE,
    AUCTION_PRESENT_RESERVE_PRICE,
    AUCTION_PRESENT_BUY_NOW_PRICE,
    AUCTION_STATUS,
    AUCTION_END_MS,
    AUCTION_EXTENSIONS_USED,
    AUCTION_CURRENT_BID,
    AUCTION_MINIMUM_BID,
    AUCTION_BID_COUNT,
    AUCTION_LEADER,
    AUCTION_LEADER_MAX,
    AUCTION_LEADER_BID,
    AUCTION_LEADER_BY_PROXY,
    AUCTION_RUNNER_UP_MAX,
    AUCTION_LEDGER_SEQ,
    AUCTION_WINNER,
    AUCTION_WINNING_BID,
    AUCTION_SETTLED,
    AUCTION_HASH_SEQ,
    AUCTION_HASH,
};

/* A column of the first terms of the auction. Once the terms were changed, table terms holds the first ones. */
#define FIRST(column) "CASE WHEN t.id IS NULL THEN a." column " ELSE t." column " END"

/* clang-format off */
const struct stream_query REPLAY_AUCTIONS = {
    .name = "auctions_seen",
    .columns =
    "a.id, a.seller_id, " FIRST("starting_price") ", " FIRST("reserve_price") ", " FIRST("buy_now_price") ", "
    FIRST("increments") ", " FIRST("snipe_window_s") ", " FIRST("snipe_extension_s") ", " FIRST("snipe_max") ", "
    STORE_MS("coalesce(t.start_time, a.start_time)") ", " STORE_MS("coalesce(t.end_time, a.original_end_time)") ", "
    STORE_MS("coalesce(a.published_at, a.created_at)") ", CASE WHEN t.id IS NULL THEN a.terms_version ELSE 1 END,"
    " a.terms_version, a.starting_price, a.reserve_price, a.buy_now_price, a.status, " STORE_MS("a.end_time") ","
    " a.extensions_used, a.current_bid, a.minimum_bid, a.bid_count, a.leader_id, a.leader_max, a.leader_bid_id,"
    " a.leader_by_proxy, a.runner_up_max, a.ledger_seq, a.winner_id, a.winning_bid_id, a.settled_at IS NOT NULL,"
    " a.ledger_hash_seq, encode(a.ledger_hash, 'hex')",
    .tables = "auctions a LEFT JOIN terms t ON t.auction_id = a.id AND t.id = a.id",
    .id_column = "a.id",
    .order = "a.id",
};
/* clang-format on */

enum entry_column {
    ENTRY_AUCTION,
    ENTRY_SEQ,
    ENTRY_ID,
    ENTRY_BIDDER,
    ENTRY_KIND,
    ENTRY_STATUS,
    ENTRY_REASON,
    ENTRY_RAISE,
    ENTRY_AMOUNT,
    ENTRY_MAX_AMOUNT,
    ENTRY_RECEIVED_MS,
    ENTRY_DECIDED_MS,
    ENTRY_GRACE_MS,
    ENTRY_END_MS,
    ENTRY_VOIDS,
    ENTRY_EFFECTIVE,
    ENTRY_EFFECTIVE_STATUS,
    ENTRY_EFFECTIVE_RAISE,
    ENTRY_EFFECTIVE_AMOUNT,
    ENTRY_EFFECTIVE_BIDDER,
    ENTRY_HAS_TERMS,
    ENTRY_STARTING_PRICE,
    ENTRY_RESERVE_PRICE,
    ENTRY_BUY_NOW_PRICE,
    ENTRY_INCREMENTS,
    ENTRY_SNIPE_WINDOW_S,
    ENTRY_SNIPE_EXTENSION_S,
    ENTRY_SNIPE_MAX,
    ENTRY_TERMS_START_MS,
    ENTRY_TERMS_END_MS,
    ENTRY_HASH_VERSION,
    ENTRY_HASH,
    ENTRY_HASH_DUE,
};

/* clang-format off */
const struct stream_query REPLAY_ENTRIES = {
    .name = "entries_seen",
    .columns =
    "b.auction_id, b.seq, b.bid_id, b.bidder_id, b.kind, b.status, b.reason, b.raise, b.amount, b.max_amount, "
    STORE_MS("b.received_at") ", " STORE_MS("b.decided_at") ","
    " CASE WHEN b.decided_at >= p.timing_since THEN p.confirm_deadline_ms ELSE 0 END, " STORE_MS("b.end_time") ", b.voids, b.effective, coalesce(b.effective_status, b.status),"
    " coalesce(b.effective_raise, b.raise), coalesce(b.effective_amount, b.amount), coalesce(b.effective_bidder_id, b.bidder_id),"
    " t.id IS NOT NULL, t.starting_price, t.reserve_price,"
    " t.buy_now_price, t.increments, t.snipe_window_s, t.snipe_extension_s, t.snipe_max, "
    STORE_MS("t.start_time") ", " STORE_MS("t.end_time") ","
    " b.hash_version, encode(b.hash, 'hex'), b.decided_at > h.applied_at + interval '1 day'",
    .tables = "bids b LEFT JOIN terms t ON t.auction_id = b.auction_id AND t.id = b.bid_id"
                                   " LEFT JOIN topology p ON true"
                                   " LEFT JOIN schema_migrations h ON h.name = '0023-ledger-chain.sql'",
    .id_column = "b.auction_id",
    .order = "b.auction_id, b.seq",
};
/* clang-format on */

struct uuid replay_auction_id(const PGresult *result, int row)
{
    return pg_uuid(result, row, AUCTION_ID); /* the first column of both queries */
}

/* The words for a verdict; a command that was dropped has no entry. */
static const char *verdict_text(enum rules_verdict verdict)
{
    return verdict == RULES_DROPPED ? "without effect, and no entry" : bid_status_text(bid_status_of_verdict(verdict));
}

/* --- before the first entry --- */

static bool read_increments(const PGresult *result, int row, int column, struct increments *out)
{
    const char *reason = NULL;
    const char *text = pg_text(result, row, column);
    struct json *value = json_parse(text, strlen(text), &reason);
    bool ok = value != NULL && increments_parse(value, out, &reason);
    json_free(value);
    return ok;
}

/* An auction is published active when it starts at once, and scheduled otherwise. */
static enum rules_status first_status(const PGresult *result, int row)
{
    if (strcmp(pg_text(result, row, AUCTION_STATUS), rules_status_text(RULES_DRAFT)) == 0) {
        return RULES_DRAFT;
    }
    return pg_int(result, row, AUCTION_START_MS) <= pg_int(result, row, AUCTION_PUBLISHED_MS) ? RULES_ACTIVE
                                                                                              : RULES_SCHEDULED;
}

void replay_begin(struct replay *replay, const PGresult *result, int row)
{
    *replay = (struct replay){
        .found = {.of = "auction", .id = replay_auction_id(result, row)},
        .state =
            {
                .seller_id = pg_uuid(result, row, AUCTION_SELLER),
                .starting_price = store_money(result, row, AUCTION_STARTING_PRICE),
                .reserve_price = store_money(result, row, AUCTION_RESERVE_PRICE),
                .buy_now_price = store_money(result, row, AUCTION_BUY_NOW_PRICE),
                .snipe_window_ms = pg_int(result, row, AUCTION_SNIPE_WINDOW_S) * MS_PER_S,
                .snipe_extension_ms = pg_int(result, row, AUCTION_SNIPE_EXTENSION_S) * MS_PER_S,
                .snipe_max = pg_null(result, row, AUCTION_SNIPE_MAX) ? -1 : pg_int(result, row, AUCTION_SNIPE_MAX),
                .start_ms = pg_int(result, row, AUCTION_START_MS),
                .terms_version = pg_int(result, row, AUCTION_TERMS_VERSION),
                .status = first_status(result, row),
                .end_ms = pg_int(result, row, AUCTION_ORIGINAL_END_MS),
            },
    };
    replay->readable = read_increments(result, row, AUCTION_INCREMENTS, &replay->state.increments) &&
                       replay->state.starting_price > 0 && replay->state.reserve_price >= 0 &&
                       replay->state.buy_now_price >= 0;
    if (!replay->readable) {
        differ(&replay->found, 0, "its terms are invalid, so its ledger cannot be replayed");
    }
}

/* --- entries --- */

/* Checks an automatic answer. Its present state is stored with the bid that it answers. */
static void keep_answer(struct replay *replay, const PGresult *result, int row)
{
    if (replay->seq <= VOIDS_LEDGER_MAX && replay->voids.count > 0 && pg_bool(result, row, ENTRY_EFFECTIVE)) {
        struct voids_standing *now = &replay->stored[replay->voids.count - 1];
        now->answered = true;
        now->answer_bidder = pg_uuid(result, row, ENTRY_EFFECTIVE_BIDDER);
        now->answer_amount = store_money(result, row, ENTRY_EFFECTIVE_AMOUNT);
    }
}

static void check_answer(struct replay *replay, const PGresult *result, int row)
{
    if (!replay->answer_due) {
        differ(&replay->found, replay->seq, "an automatic answer without a bid that it answers");
        return;
    }
    replay->answer_due = false;
    differ_id(&replay->found, replay->seq, "the automatic answer's bidder", pg_uuid(result, row, ENTRY_BIDDER),
              replay->answer_bidder);
    differ_money(&replay->found, replay->seq, "the automatic answer's amount", store_money(result, row, ENTRY_AMOUNT),
                 replay->answer_amount);
    differ_text(&replay->found, replay->seq, "its status", pg_text(result, row, ENTRY_STATUS),
                bid_status_text(BID_ACCEPTED));
    keep_answer(replay, result, row);
}

static void check_no_answer_due(struct replay *replay)
{
    if (replay->answer_due) {
        differ(&replay->found, replay->seq, "the automatic answer of %s by %s is missing",
               format_money(replay->answer_amount).text, format_id(&replay->answer_bidder).text);
        replay->answer_due = false;
    }
}

/* Reads the terms of an update. Returns false after reporting a difference if they are missing or invalid. */
static bool read_terms(struct replay *replay, const PGresult *result, int row, struct rules_terms *terms)
{
    *terms = (struct rules_terms){
        .starting_price = store_money(result, row, ENTRY_STARTING_PRICE),
        .reserve_price = store_money(result, row, ENTRY_RESERVE_PRICE),
        .buy_now_price = store_money(result, row, ENTRY_BUY_NOW_PRICE),
        .snipe_window_ms = pg_int(result, row, ENTRY_SNIPE_WINDOW_S) * MS_PER_S,
        .snipe_extension_ms = pg_int(result, row, ENTRY_SNIPE_EXTENSION_S) * MS_PER_S,
        .snipe_max = pg_null(result, row, ENTRY_SNIPE_MAX) ? -1 : pg_int(result, row, ENTRY_SNIPE_MAX),
        .start_ms = pg_int(result, row, ENTRY_TERMS_START_MS),
        .end_ms = pg_int(result, row, ENTRY_TERMS_END_MS),
    };
    bool ok = pg_bool(result, row, ENTRY_HAS_TERMS) && terms->starting_price > 0 && terms->reserve_price >= 0 &&
              terms->buy_now_price >= 0 && read_increments(result, row, ENTRY_INCREMENTS, &terms->increments);
    if (!ok) {
        differ(&replay->found, replay->seq, "its new terms are missing or invalid");
    }
    return ok;
}

/* --- voided bids --- */

/* Keeps a bid that counted, and its stored present state. */
static bool keep(struct replay *replay, const PGresult *result, int row, const struct rules_command *command,
                 const struct rules_decision *decision)
{
    size_t size = replay->voids.size;
    if (replay->seq > VOIDS_LEDGER_MAX) {
        return true;
    }
    if (!voids_reserve(&replay->voids, 1)) {
        return false;
    }
    if (replay->voids.size != size) {
        struct voids_standing *stored = realloc(replay->stored, replay->voids.size * sizeof *stored);
        if (stored == NULL) {
            return false;
        }
        replay->stored = stored;
    }
    if (voids_add(&replay->voids, command, decision, replay->seq) == NULL) {
        return true;
    }
    struct voids_standing *now = &replay->stored[replay->voids.count - 1];
    *now = (struct voids_standing){.effective = pg_bool(result, row, ENTRY_EFFECTIVE)};
    if (now->effective) {
        bool outbid = strcmp(pg_text(result, row, ENTRY_EFFECTIVE_STATUS), bid_status_text(BID_OUTBID)) == 0;
        now->verdict = outbid ? RULES_OUTBID : RULES_ACCEPTED;
        now->raise = pg_bool(result, row, ENTRY_EFFECTIVE_RAISE);
        now->amount = store_money(result, row, ENTRY_EFFECTIVE_AMOUNT);
    }
    return true;
}

static void check_answer_standing(struct replay *replay, int64_t seq, const struct voids_standing *stored,
                                  const struct voids_standing *due)
{
    if (stored->answered != due->answered) {
        differ(&replay->found, seq, "by the rules it %s", due->answered ? "still counts" : "does not count any more");
        return;
    }
    if (due->answered) {
        differ_id(&replay->found, seq, "its present bidder", stored->answer_bidder, due->answer_bidder);
        differ_money(&replay->found, seq, "its present amount", stored->answer_amount, due->answer_amount);
    }
}

/* Withdrawals are not restated. */
static void check_standing(struct replay *replay, const struct voids_entry *entry, const struct voids_standing *stored)
{
    const struct voids_standing *due = &entry->standing;
    if (entry->kind == COMMAND_WITHDRAW) {
        return;
    }
    if (stored->effective != due->effective) {
        differ(&replay->found, entry->seq, "by the rules it %s", due->effective ? "counts" : "was voided");
    } else if (stored->verdict != due->verdict) {
        /* Without amounts: one that is not spent after all may be a standing maximum. */
        differ_text(&replay->found, entry->seq, "its present status", verdict_text(stored->verdict),
                    verdict_text(due->verdict));
    } else if (due->effective) {
        differ_money(&replay->found, entry->seq, "its present amount", stored->amount, due->amount);
        if (stored->raise != due->raise) {
            differ(&replay->found, entry->seq, "by the rules it is %s now", due->raise ? "a raise" : "a bid");
        }
    }
    if (entry->answered) {
        check_answer_standing(replay, entry->seq + 1, stored, due);
    }
}

static void check_standings(struct replay *replay)
{
    for (size_t i = 0; i < replay->voids.count; i++) {
        check_standing(replay, &replay->voids.entries[i], &replay->stored[i]);
    }
}

static struct rules_decision decide_void(struct replay *replay, const PGresult *result, int row,
                                         struct rules_command *command, enum rules_reason reason)
{
    command->target = pg_uuid(result, row, ENTRY_VOIDS);
    command->since_ms = reason == RULES_RETRACT_TOO_LATE ? INT64_MAX : 0;
    return voids_decide(&replay->state, command, &replay->voids, replay->seq - 1);
}

/* --- decisions --- */

/* Reasons that do not follow from the rules, and are taken from the entry. */
static bool was_not_decided(enum rules_reason reason)
{
    return reason == RULES_INTERNAL_ERROR || reason == RULES_NOT_FOUND || reason == RULES_INVALID_AMOUNT;
}

static void check_decision(struct replay *replay, const PGresult *result, int row, const struct rules_command *command,
                           const struct rules_decision *decision)
{
    bool raise = pg_bool(result, row, ENTRY_RAISE);
    differ_text(&replay->found, replay->seq, "its status", pg_text(result, row, ENTRY_STATUS),
                verdict_text(decision->verdict));
    differ_text(&replay->found, replay->seq, "its reason", pg_text(result, row, ENTRY_REASON),
                rules_reason_text(decision->reason));
    if (raise != decision->raise) {
        differ(&replay->found, replay->seq,
               raise ? "it is kept as a raise, by the rules it is a bid"
                     : "it is kept as a bid, by the rules it is a raise");
    }
    /* A plain bid's amount is what was asked; of all others it is what the rules made of it. */
    if (command_kind_carries(command->kind) != COMMAND_CARRIES_AMOUNT) {
        differ_money(&replay->found, replay->seq, "its amount", store_money(result, row, ENTRY_AMOUNT),
                     decision->amount);
    }
}

/*
 * A fence must not be decided while a bid in time may still be answered 202. Before the confirm deadline was on record
 * it may have been another one, so older entries are compared with the end alone.
 */
static void check_due(struct replay *replay, const PGresult *result, int row)
{
    int64_t decided_ms = pg_int(result, row, ENTRY_DECIDED_MS);
    int64_t due_ms = replay->state.end_ms + pg_int(result, row, ENTRY_GRACE_MS);
    if (decided_ms < due_ms) {
        differ(&replay->found, replay->seq,
               "the end was decided at %s, before it was due: bids in time are possible until %s",
               format_time(decided_ms).text, format_time(due_ms).text);
    }
}

/* The amount of money that the command asked for. */
static int64_t read_carried(const PGresult *result, int row, enum command_kind kind)
{
    switch (command_kind_carries(kind)) {
    case COMMAND_CARRIES_AMOUNT:
        return store_money(result, row, ENTRY_AMOUNT);
    case COMMAND_CARRIES_MAXIMUM:
        return store_money(result, row, ENTRY_MAX_AMOUNT);
    case COMMAND_CARRIES_NOTHING:
        break;
    }
    return 0;
}

static void decide(struct replay *replay, const PGresult *result, int row)
{
    enum rules_reason reason = RULES_NONE;
    struct rules_terms terms;
    struct rules_command command = {
        .id = pg_uuid(result, row, ENTRY_ID),
        .bidder_id = pg_uuid(result, row, ENTRY_BIDDER),
        .received_ms = pg_int(result, row, ENTRY_RECEIVED_MS),
        .end_ms = pg_null(result, row, ENTRY_END_MS) ? 0 : pg_int(result, row, ENTRY_END_MS),
        .terms = &terms,
    };
    if (!command_kind_ledger_parse(pg_text(result, row, ENTRY_KIND), &command.kind) ||
        !rules_reason_parse(pg_text(result, row, ENTRY_REASON), &reason)) {
        differ(&replay->found, replay->seq, "its kind or reason is unknown");
        return;
    }
    bool voids = command_kind_voids(command.kind);
    bool decided = !was_not_decided(reason) || (voids && reason == RULES_NOT_FOUND);
    if (!decided || (command.kind == COMMAND_UPDATE && !read_terms(replay, result, row, &terms))) {
        return;
    }
    command.amount = read_carried(result, row, command.kind);
    command.banned = reason == RULES_USER_BANNED;
    command.terms_version = reason == RULES_TERMS_CHANGED ? replay->state.terms_version + 1 : 0;
    command.stale = reason == RULES_VERSION_CONFLICT;
    struct rules_decision decision =
        voids ? decide_void(replay, result, row, &command, reason) : rules_decide(&replay->state, &command);
    check_decision(replay, result, row, &command, &decision);
    if (command.kind == COMMAND_FENCE && decision.ended) {
        check_due(replay, result, row);
    }
    if (!keep(replay, result, row, &command, &decision)) {
        differ(&replay->found, replay->seq, "no memory to decide it");
        replay->readable = false;
    }
    replay->answer_due = decision.automatic;
    replay->answer_bidder = decision.automatic_bidder;
    replay->answer_amount = decision.automatic_amount;
}

void replay_entry(struct replay *replay, const PGresult *result, int row)
{
    int64_t seq = pg_int(result, row, ENTRY_SEQ);
    bool answer = strcmp(pg_text(result, row, ENTRY_KIND), LEDGER_AUTOMATIC) == 0;
    if (!answer) {
        check_no_answer_due(replay);
    }
    if (seq != replay->seq + 1) {
        differ(&replay->found, seq, "the entry before it is %" PRId64 ": the ledger has a gap", replay->seq);
    }
    replay->seq = seq;
    if (!replay->readable) {
        return;
    }
    if (answer) {
        check_answer(replay, result, row);
    } else {
        decide(replay, result, row);
    }
}

void replay_orphan(struct replay *replay, const PGresult *result, int row)
{
    const char *reason = pg_text(result, row, ENTRY_REASON);
    *replay = (struct replay){.found = {.of = "auction", .id = replay_auction_id(result, row)}};
    if (strcmp(reason, rules_reason_text(RULES_NOT_FOUND)) != 0 &&
        strcmp(reason, rules_reason_text(RULES_INTERNAL_ERROR)) != 0) {
        differ(&replay->found, pg_int(result, row, ENTRY_SEQ), "the auction does not exist");
    }
}

/* --- hashes --- */

static const char *text_or_null(const PGresult *result, int row, int column)
{
    return pg_null(result, row, column) ? NULL : pg_text(result, row, column);
}

void replay_read_hash(const PGresult *result, int row, struct replay_hash *stored,
                      const char *fields[static LEDGER_HASH_FIELDS])
{
    static const enum entry_column columns[LEDGER_HASH_FIELDS] = {
        [LEDGER_HASH_AUCTION] = ENTRY_AUCTION,
        [LEDGER_HASH_SEQ] = ENTRY_SEQ,
        [LEDGER_HASH_BID] = ENTRY_ID,
        [LEDGER_HASH_BIDDER] = ENTRY_BIDDER,
        [LEDGER_HASH_KIND] = ENTRY_KIND,
        [LEDGER_HASH_STATUS] = ENTRY_STATUS,
        [LEDGER_HASH_REASON] = ENTRY_REASON,
        [LEDGER_HASH_RAISE] = ENTRY_RAISE,
        [LEDGER_HASH_AMOUNT] = ENTRY_AMOUNT,
        [LEDGER_HASH_MAX_AMOUNT] = ENTRY_MAX_AMOUNT,
        [LEDGER_HASH_END] = ENTRY_END_MS,
        [LEDGER_HASH_VOIDS] = ENTRY_VOIDS,
        [LEDGER_HASH_RECEIVED] = ENTRY_RECEIVED_MS,
        [LEDGER_HASH_DECIDED] = ENTRY_DECIDED_MS,
    };
    for (size_t i = 0; i < LEDGER_HASH_FIELDS; i++) {
        fields[i] = text_or_null(result, row, (int)columns[i]);
    }
    fields[LEDGER_HASH_RAISE] = pg_bool(result, row, ENTRY_RAISE) ? "true" : "false";
    *stored = (struct replay_hash){.seq = pg_int(result, row, ENTRY_SEQ),
                                   .hash = pg_text(result, row, ENTRY_HASH),
                                   .version = pg_text(result, row, ENTRY_HASH_VERSION),
                                   .due = pg_bool(result, row, ENTRY_HASH_DUE)};
}

void replay_read_newest_hash(const PGresult *result, int row, struct replay_hash *stored)
{
    *stored = (struct replay_hash){
        .seq = pg_int(result, row, AUCTION_HASH_SEQ), .hash = pg_text(result, row, AUCTION_HASH), .version = ""};
}

/* --- after the last entry --- */

void replay_drop(struct replay *replay)
{
    voids_free(&replay->voids);
    free(replay->stored);
    replay->stored = NULL;
}

static void check_terms(struct replay *replay, const PGresult *result, int row)
{
    const struct rules_auction *state = &replay->state;
    differ_number(&replay->found, 0, "the version of its terms", pg_int(result, row, AUCTION_PRESENT_TERMS_VERSION),
                  state->terms_version);
    differ_money(&replay->found, 0, "its starting price", store_money(result, row, AUCTION_PRESENT_STARTING_PRICE),
                 state->starting_price);
    differ_money(&replay->found, 0, "its reserve", store_money(result, row, AUCTION_PRESENT_RESERVE_PRICE),
                 state->reserve_price);
    differ_money(&replay->found, 0, "its buy-now price", store_money(result, row, AUCTION_PRESENT_BUY_NOW_PRICE),
                 state->buy_now_price);
}

static void check_end(struct replay *replay, const PGresult *result, int row)
{
    differ_time(&replay->found, 0, "its end time", pg_int(result, row, AUCTION_END_MS), replay->state.end_ms);
    differ_number(&replay->found, 0, "the number of extensions", pg_int(result, row, AUCTION_EXTENSIONS_USED),
                  replay->state.extensions_used);
}

static void check_lead(struct replay *replay, const PGresult *result, int row)
{
    const struct rules_auction *state = &replay->state;
    int64_t minimum = rules_minimum_bid(state);
    differ_money(&replay->found, 0, "its price", store_money(result, row, AUCTION_CURRENT_BID), state->price);
    /* The column has no value for "no further bid is possible". */
    differ_money(&replay->found, 0, "its minimum bid", store_money(result, row, AUCTION_MINIMUM_BID),
                 minimum > MONEY_MAX ? MONEY_MAX : minimum);
    differ_number(&replay->found, 0, "its number of bids", pg_int(result, row, AUCTION_BID_COUNT), state->bid_count);
    differ_id(&replay->found, 0, "its leader", pg_uuid(result, row, AUCTION_LEADER), state->leader_id);
    differ_id(&replay->found, 0, "the entry that leads", pg_uuid(result, row, AUCTION_LEADER_BID),
              state->leader_bid_id);
    if (store_money(result, row, AUCTION_LEADER_MAX) != state->leader_max) {
        differ(&replay->found, 0, "the leader's maximum differs from that of the rules");
    }
    if (pg_bool(result, row, AUCTION_LEADER_BY_PROXY) != state->leader_by_proxy) {
        differ(&replay->found, 0, "by the rules the lead is %sheld by a proxy", state->leader_by_proxy ? "" : "not ");
    }
    differ_money(&replay->found, 0, "the second maximum", store_money(result, row, AUCTION_RUNNER_UP_MAX),
                 state->runner_up_max);
}

static void check_outcome(struct replay *replay, const PGresult *result, int row)
{
    const char *stored = pg_text(result, row, AUCTION_STATUS);
    bool settled = pg_bool(result, row, AUCTION_SETTLED);
    enum rules_status due = replay->state.status;
    struct uuid winner = {{0}};
    struct uuid winning_bid = {{0}};
    if (due == RULES_ENDED && settled) {
        due = rules_outcome(&replay->state);
    }
    if (due == RULES_SOLD) {
        winner = replay->state.leader_id;
        winning_bid = replay->state.leader_bid_id;
    }
    differ_text(&replay->found, 0, "its status", stored, rules_status_text(due));
    differ_id(&replay->found, 0, "its winner", pg_uuid(result, row, AUCTION_WINNER), winner);
    differ_id(&replay->found, 0, "its winning bid", pg_uuid(result, row, AUCTION_WINNING_BID), winning_bid);
}

void replay_end(struct replay *replay, const PGresult *result, int row)
{
    check_no_answer_due(replay);
    differ_number(&replay->found, 0, "the number of its last entry", pg_int(result, row, AUCTION_LEDGER_SEQ),
                  replay->seq);
    if (replay->readable) {
        check_terms(replay, result, row);
        check_end(replay, result, row);
        check_lead(replay, result, row);
        check_outcome(replay, result, row);
        check_standings(replay);
    }
    differences_end(&replay->found, "");
    replay_drop(replay);
}
