/*
 * Random auctions, mixed with changes, against an oracle. The oracle has no notion of "taking the lead" or "runner up".
 * It keeps every user's maximum and its time, and finds the leader by comparing all of them. Its price is the greatest
 * that any rule demands. It is slow, and simple enough to verify by reading.
 *
 * Every auction is decided twice: in one pass on one struct, and command by command with only the columns of the
 * auctions table carried over. Amounts come from a narrow range. So ties, cut increments and amounts one cent below a
 * limit are common. A failure prints the seed; a seed gives the same auction on every machine.
 */
#include "common/rules/rules.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

enum {
    USERS = 6, /* user 0 is the seller, user USERS - 1 is banned */
    COMMANDS_MAX = 60,
    AUCTIONS = 20000,
    BLOCKS = 20, /* test cases that share them */
    START_MS = 1000,
    END_MS = 10000,
};

/*
 * ck_assert reports each assertion to the parent process, which costs more than the rest of the test. So it is called
 * for failures only.
 */
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            ck_abort_msg(__VA_ARGS__);                                                                                 \
        }                                                                                                              \
    } while (0)

/* Seeds that once failed, and special values. They run apart so that their names are in the output. */
static const uint64_t SEEDS[] = {0, 1, 42, 1637, 20000, UINT64_C(0xdeadbeef), UINT64_C(0xffffffffffffffff)};

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = random_state;
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static int64_t random_between(int64_t least, int64_t most)
{
    return least + (int64_t)(random_next() % (uint64_t)(most - least + 1));
}

static bool random_one_in(int64_t chances)
{
    return random_between(1, chances) == 1;
}

static struct uuid user(int number)
{
    struct uuid id = {.bytes = {[7] = 0x5e, [15] = (uint8_t)(number + 1)}};
    return id;
}

/* --- the oracle --- */

struct oracle {
    int64_t maximum[USERS]; /* 0: none */
    int since[USERS];       /* number of the command that set the maximum */
    bool hidden[USERS];     /* it is a proxy maximum, not withdrawn and not replaced by its owner's plain bid */
    int64_t price;
    int64_t bids;
    int64_t end_ms;
    int64_t extensions;
    enum rules_status status;
    int64_t accepted[2 * COMMANDS_MAX]; /* accepted amounts of the public history */
    int accepted_count;
};

static int oracle_leader(const struct oracle *oracle)
{
    int leader = -1;
    for (int i = 0; i < USERS; i++) {
        if (oracle->maximum[i] > 0 &&
            (leader < 0 || oracle->maximum[i] > oracle->maximum[leader] ||
             (oracle->maximum[i] == oracle->maximum[leader] && oracle->since[i] < oracle->since[leader]))) {
            leader = i;
        }
    }
    return leader;
}

static int64_t oracle_best_of_others(const struct oracle *oracle, int leader)
{
    int64_t best = 0;
    for (int i = 0; i < USERS; i++) {
        if (i != leader && oracle->maximum[i] > best) {
            best = oracle->maximum[i];
        }
    }
    return best;
}

static int64_t greatest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The greatest price that a rule demands after this user's bid. */
static int64_t oracle_price(const struct oracle *oracle, const struct rules_auction *terms, int bidder,
                            const struct rules_command *command)
{
    int leader = oracle_leader(oracle);
    int64_t top = oracle->maximum[leader];
    int64_t second = oracle_best_of_others(oracle, leader);
    int64_t price = greatest(oracle->price, terms->starting_price);

    if (second > 0) {
        int64_t above = second + increments_at(&terms->increments, second);
        price = greatest(price, above < top ? above : top);
    }
    if (command->kind == COMMAND_BID && bidder == leader) {
        price = greatest(price, command->amount);
    }
    if (terms->reserve_price > 0 && top >= terms->reserve_price) {
        price = greatest(price, terms->reserve_price);
    }
    return price;
}

static enum rules_reason oracle_refusal(const struct oracle *oracle, const struct rules_auction *terms, int bidder,
                                        const struct rules_command *command)
{
    int leader = oracle_leader(oracle);
    int64_t minimum =
        leader < 0 ? terms->starting_price : oracle->price + increments_at(&terms->increments, oracle->price);

    if (oracle->status == RULES_CANCELLED) {
        return RULES_AUCTION_CANCELLED;
    }
    if (oracle->status == RULES_SCHEDULED || command->received_ms < terms->start_ms) {
        return RULES_AUCTION_NOT_STARTED;
    }
    if (oracle->status == RULES_ENDED || command->received_ms >= oracle->end_ms) {
        return RULES_AUCTION_ENDED;
    }
    if (bidder == 0) {
        return RULES_OWN_AUCTION;
    }
    if (command->kind == COMMAND_WITHDRAW) {
        return bidder == leader && oracle->hidden[bidder] ? RULES_NONE : RULES_NO_MAXIMUM;
    }
    if (command->banned) {
        return RULES_USER_BANNED;
    }
    if (command->terms_version != 0 && command->terms_version != terms->terms_version) {
        return RULES_TERMS_CHANGED;
    }
    if (command->kind == COMMAND_BUY) {
        return RULES_NONE;
    }
    if (command->amount < 1 || command->amount > MONEY_MAX) {
        return RULES_INVALID_AMOUNT;
    }
    if (command->kind == COMMAND_PROXY && bidder == leader) {
        return command->amount > oracle->maximum[bidder] ? RULES_NONE : RULES_MAXIMUM_NOT_RAISED;
    }
    return command->amount < minimum ? RULES_BID_TOO_LOW : RULES_NONE;
}

static void oracle_enter(struct oracle *oracle, int64_t amount)
{
    for (int i = 0; i < oracle->accepted_count; i++) {
        CHECK(oracle->accepted[i] != amount, "two accepted entries of the same amount");
    }
    oracle->accepted[oracle->accepted_count++] = amount;
}

/* The anti-snipe rule, written directly from its text. */
static bool oracle_extends(struct oracle *oracle, const struct rules_auction *terms, int64_t received_ms)
{
    bool late = oracle->end_ms - received_ms <= terms->snipe_window_ms && terms->snipe_window_ms > 0;
    bool later = received_ms + terms->snipe_extension_ms > oracle->end_ms;
    bool left = terms->snipe_max < 0 || oracle->extensions < terms->snipe_max;

    if (late && later && left) {
        oracle->end_ms = received_ms + terms->snipe_extension_ms;
        oracle->extensions++;
        return true;
    }
    return false;
}

/* Sets a user's maximum. The command's number serves as its time of decision. */
static void oracle_set_maximum(struct oracle *oracle, int bidder, const struct rules_command *command, int number)
{
    if (command->kind == COMMAND_PROXY || command->amount >= oracle->maximum[bidder]) {
        oracle->maximum[bidder] = command->amount;
        oracle->since[bidder] = number;
        oracle->hidden[bidder] = command->kind == COMMAND_PROXY;
    }
}

static struct rules_decision oracle_place(struct oracle *oracle, const struct rules_auction *terms, int bidder,
                                          const struct rules_command *command, int number)
{
    struct rules_decision expected = {.verdict = RULES_ACCEPTED};
    int before = oracle_leader(oracle);
    int64_t price = oracle->price;

    expected.raise = command->kind == COMMAND_PROXY && bidder == before;
    oracle_set_maximum(oracle, bidder, command, number);
    oracle->price = oracle_price(oracle, terms, bidder, command);
    int after = oracle_leader(oracle);
    oracle->bids += expected.raise ? 0 : 1;
    expected.amount = oracle->price;
    if (after != bidder) {
        expected.verdict = RULES_OUTBID;
        expected.amount = command->amount;
        expected.automatic = true;
        expected.automatic_bidder = user(after);
        expected.automatic_amount = oracle->price;
    }
    if (!expected.raise) {
        oracle_enter(oracle, oracle->price);
    }
    if (before >= 0 && after != before) {
        expected.lead_lost = true;
        expected.loser = user(before);
        expected.loser_by_proxy = oracle->hidden[before];
    }
    expected.extended =
        (price != oracle->price || before != after) && oracle_extends(oracle, terms, command->received_ms);
    return expected;
}

/* Buying at once equals an open bid of that amount and the hammer. */
static struct rules_decision oracle_buy(struct oracle *oracle, const struct rules_auction *terms, int bidder,
                                        const struct rules_command *command, int number)
{
    struct rules_decision expected = {.verdict = RULES_ACCEPTED, .amount = terms->buy_now_price, .ended = true};
    int before = oracle_leader(oracle);

    if (terms->buy_now_price == 0 || (before >= 0 && oracle->price >= terms->reserve_price)) {
        return (struct rules_decision){.verdict = RULES_REJECTED, .reason = RULES_BUY_NOW_GONE};
    }
    if (command->price > 0 && command->price != terms->buy_now_price) {
        return (struct rules_decision){.verdict = RULES_REJECTED, .reason = RULES_TERMS_CHANGED};
    }
    oracle->maximum[bidder] = terms->buy_now_price;
    oracle->since[bidder] = number;
    oracle->hidden[bidder] = false;
    oracle->price = terms->buy_now_price;
    oracle->bids++;
    oracle->status = RULES_ENDED;
    oracle->end_ms = command->received_ms;
    oracle_enter(oracle, oracle->price);
    if (before >= 0 && before != bidder) {
        expected.lead_lost = true;
        expected.loser = user(before);
        expected.loser_by_proxy = oracle->hidden[before];
    }
    return expected;
}

static enum rules_reason oracle_change_refusal(const struct oracle *oracle, const struct rules_auction *terms,
                                               const struct rules_command *command)
{
    if (command->kind == COMMAND_REOPEN) {
        bool closed = oracle->status == RULES_SCHEDULED;
        bool later = command->end_ms > oracle->end_ms;
        return closed ? RULES_AUCTION_NOT_STARTED : later ? RULES_NONE : RULES_END_NOT_LATER;
    }
    if (oracle->status == RULES_SCHEDULED && command->kind == COMMAND_CLOSE) {
        return RULES_AUCTION_NOT_STARTED;
    }
    if (oracle->status == RULES_ENDED || command->received_ms >= oracle->end_ms) {
        return RULES_AUCTION_ENDED;
    }
    if ((command->kind == COMMAND_UPDATE || command->kind == COMMAND_CANCEL) && oracle_leader(oracle) >= 0) {
        return RULES_HAS_BIDS;
    }
    if (command->kind == COMMAND_UPDATE) {
        bool moves = oracle->status == RULES_ACTIVE && command->terms->start_ms != terms->start_ms;
        return command->stale || moves ? RULES_VERSION_CONFLICT : RULES_NONE;
    }
    return command->kind == COMMAND_EXTEND && command->end_ms <= oracle->end_ms ? RULES_END_NOT_LATER : RULES_NONE;
}

static struct rules_decision oracle_change(struct oracle *oracle, struct rules_auction *terms,
                                           const struct rules_command *command)
{
    enum rules_reason reason =
        oracle->status == RULES_CANCELLED ? RULES_AUCTION_CANCELLED : oracle_change_refusal(oracle, terms, command);
    struct rules_decision expected = {.verdict = RULES_ACCEPTED};

    if (reason != RULES_NONE) {
        return (struct rules_decision){.verdict = RULES_REJECTED, .reason = reason};
    }
    switch (command->kind) {
    case COMMAND_UPDATE:
        terms->starting_price = command->terms->starting_price;
        terms->reserve_price = command->terms->reserve_price;
        terms->buy_now_price = command->terms->buy_now_price;
        terms->increments = command->terms->increments;
        terms->snipe_window_ms = command->terms->snipe_window_ms;
        terms->snipe_extension_ms = command->terms->snipe_extension_ms;
        terms->snipe_max = command->terms->snipe_max;
        terms->start_ms = command->terms->start_ms;
        terms->terms_version++;
        oracle->end_ms = command->terms->end_ms;
        break;
    case COMMAND_REOPEN:
        oracle->status = RULES_ACTIVE;
        oracle->end_ms = command->end_ms;
        expected.extended = true;
        break;
    case COMMAND_EXTEND:
        oracle->end_ms = command->end_ms;
        expected.extended = true;
        break;
    case COMMAND_CLOSE:
        oracle->end_ms = command->received_ms;
        oracle->status = RULES_ENDED;
        expected.ended = true;
        break;
    default:
        oracle->status = RULES_CANCELLED;
        expected.cancelled = true;
        break;
    }
    return expected;
}

/* Starts a scheduled auction whose start time has come. */
static bool oracle_starts(struct oracle *oracle, const struct rules_auction *terms, int64_t received_ms)
{
    bool starts = oracle->status == RULES_SCHEDULED && received_ms >= terms->start_ms;
    oracle->status = starts ? RULES_ACTIVE : oracle->status;
    return starts;
}

static struct rules_decision oracle_bidder(struct oracle *oracle, const struct rules_auction *terms, int bidder,
                                           const struct rules_command *command, int number)
{
    enum rules_reason reason = oracle_refusal(oracle, terms, bidder, command);

    if (reason != RULES_NONE) {
        return (struct rules_decision){.verdict = RULES_REJECTED, .reason = reason};
    }
    if (command->kind == COMMAND_WITHDRAW) {
        oracle->maximum[bidder] = oracle->price;
        oracle->hidden[bidder] = false;
        return (struct rules_decision){.verdict = RULES_ACCEPTED};
    }
    return command->kind == COMMAND_BUY ? oracle_buy(oracle, terms, bidder, command, number)
                                        : oracle_place(oracle, terms, bidder, command, number);
}

static struct rules_decision oracle_decide(struct oracle *oracle, struct rules_auction *terms, int bidder,
                                           const struct rules_command *command, int number)
{
    struct rules_decision expected = {.verdict = RULES_DROPPED};

    if (command->kind == COMMAND_FENCE) {
        if (oracle->status == RULES_ACTIVE && command->received_ms >= oracle->end_ms) {
            oracle->status = RULES_ENDED;
            expected.verdict = RULES_ACCEPTED;
            expected.ended = true;
        }
        return expected;
    }
    bool starts = oracle_starts(oracle, terms, command->received_ms);
    if (command->kind == COMMAND_START) {
        expected.verdict = starts ? RULES_ACCEPTED : RULES_DROPPED;
    } else if (command->kind >= COMMAND_UPDATE) {
        expected = oracle_change(oracle, terms, command);
        starts = oracle_starts(oracle, terms, command->received_ms) || starts;
    } else {
        expected = oracle_bidder(oracle, terms, bidder, command, number);
    }
    expected.started = starts;
    return expected;
}

/* --- random auctions --- */

static struct increments random_increments(void)
{
    struct increments table = {.count = (size_t)random_between(1, 4)};
    int64_t from = 0;
    if (random_one_in(3)) {
        return increments_ebay_us();
    }
    if (random_one_in(4)) {
        table.form = INCREMENTS_PERCENT;
        table.percent.points = random_between(1, 2000);
        table.percent.least = random_between(1, 100);
        return table;
    }
    if (random_one_in(4)) {
        table.form = INCREMENTS_RUNGS;
        table.count = (size_t)random_between(2, 9);
        for (size_t i = 0; i < table.count; i++) {
            from += random_between(1, 600);
            table.rungs[i] = from;
        }
        return table;
    }
    for (size_t i = 0; i < table.count; i++) {
        table.steps[i] = (struct increments_step){.from = from, .increment = random_between(1, 120)};
        from += random_between(1, 900);
    }
    if (random_one_in(30)) {
        table.steps[table.count - 1].increment = MONEY_MAX;
    }
    return table;
}

static struct rules_auction random_auction(void)
{
    struct rules_auction auction = {
        .seller_id = user(0),
        .starting_price = random_between(1, 1500),
        .increments = random_increments(),
        .snipe_window_ms = random_one_in(4) ? 0 : random_between(1, 3000),
        .snipe_extension_ms = random_between(1, 3000),
        .snipe_max = random_between(-1, 4),
        .start_ms = START_MS,
        .terms_version = 2,
        .status = random_one_in(3) ? RULES_SCHEDULED : RULES_ACTIVE,
        .end_ms = END_MS,
    };
    if (random_one_in(2)) {
        auction.reserve_price = random_between(1, 4000);
    }
    if (random_one_in(10)) {
        auction.starting_price = MONEY_MAX - random_between(0, 2000);
    }
    if (random_one_in(3)) {
        auction.buy_now_price = greatest(auction.starting_price, auction.reserve_price) + random_between(0, 900);
        auction.buy_now_price = auction.buy_now_price > MONEY_MAX ? MONEY_MAX : auction.buy_now_price;
    }
    return auction;
}

/* The terms of another random auction. */
static struct rules_terms random_terms(const struct rules_auction *auction)
{
    struct rules_auction another = random_auction();
    return (struct rules_terms){
        .starting_price = another.starting_price,
        .reserve_price = another.reserve_price,
        .buy_now_price = another.buy_now_price,
        .increments = another.increments,
        .snipe_window_ms = another.snipe_window_ms,
        .snipe_extension_ms = another.snipe_extension_ms,
        .snipe_max = another.snipe_max,
        .start_ms = random_one_in(3) ? START_MS + random_between(-300, 300) : auction->start_ms,
        .end_ms = END_MS + random_between(-900, 900),
    };
}

/* Mostly around the price and the leader's maximum, at the edges of the rules. */
static int64_t random_amount(const struct rules_auction *auction)
{
    int64_t minimum = rules_minimum_bid(auction);
    switch (random_between(0, 9)) {
    case 0:
        return random_between(-1, 1);
    case 1:
        return minimum + random_between(-2, 0);
    case 2:
    case 3:
        return auction->leader_max + random_between(-150, 150);
    case 4:
        return random_one_in(20) ? MONEY_MAX - random_between(-1, 200) : minimum;
    case 5:
        return auction->reserve_price + random_between(-1, 1);
    default:
        return minimum + random_between(0, 400);
    }
}

static enum command_kind random_kind(void)
{
    static const struct {
        int below;
        enum command_kind kind;
    } dice[] = {
        {84, COMMAND_BID},     {168, COMMAND_PROXY}, {179, COMMAND_WITHDRAW}, {183, COMMAND_START},
        {186, COMMAND_FENCE},  {190, COMMAND_BUY},   {195, COMMAND_UPDATE},   {196, COMMAND_CANCEL},
        {199, COMMAND_EXTEND}, {200, COMMAND_CLOSE}, {201, COMMAND_ABORT},    {203, COMMAND_REOPEN},
    };
    int64_t thrown = random_between(0, 202);
    size_t i = 0;
    while (thrown >= dice[i].below) {
        i++;
    }
    return dice[i].kind;
}

/* Fills `terms` for an update. */
static struct rules_command random_command(const struct rules_auction *auction, int bidder, int number,
                                           struct rules_terms *terms)
{
    struct rules_command command = {
        .kind = random_kind(),
        .id = {.bytes = {[0] = 0xb1, [15] = (uint8_t)number}},
        .bidder_id = user(bidder),
        .amount = random_amount(auction),
        .received_ms = random_between(START_MS - 5, START_MS + (END_MS - START_MS) * number / (COMMANDS_MAX / 3)),
        .terms_version = random_one_in(50) ? 1 : random_between(0, 1) * auction->terms_version,
        .banned = bidder == USERS - 1,
        .terms = terms,
        .price = random_one_in(2) ? auction->buy_now_price + random_between(0, 1) : 0,
    };
    if (command.kind == COMMAND_UPDATE) {
        *terms = random_terms(auction);
        command.stale = random_one_in(4);
    } else if (command.kind == COMMAND_EXTEND || command.kind == COMMAND_REOPEN) {
        command.end_ms = auction->end_ms + random_between(-100, 400);
    }
    if (random_one_in(10)) {
        command.received_ms = auction->end_ms + random_between(-2, 1);
    }
    return command;
}

/* --- comparing rules and oracle --- */

static void check_decision(const struct rules_decision *actual, const struct rules_decision *expected, uint64_t seed,
                           int number)
{
    bool same = actual->verdict == expected->verdict && actual->reason == expected->reason &&
                actual->raise == expected->raise && actual->amount == expected->amount &&
                actual->automatic == expected->automatic && actual->automatic_amount == expected->automatic_amount &&
                (!actual->automatic || uuid_equal(&actual->automatic_bidder, &expected->automatic_bidder)) &&
                actual->extended == expected->extended && actual->lead_lost == expected->lead_lost &&
                (!actual->lead_lost || (uuid_equal(&actual->loser, &expected->loser) &&
                                        actual->loser_by_proxy == expected->loser_by_proxy)) &&
                actual->started == expected->started && actual->ended == expected->ended &&
                actual->cancelled == expected->cancelled;
    CHECK(same, "seed %llu, command %d: verdict %d reason %s amount %lld, should be %d %s %lld",
          (unsigned long long)seed, number, (int)actual->verdict, rules_reason_text(actual->reason),
          (long long)actual->amount, (int)expected->verdict, rules_reason_text(expected->reason),
          (long long)expected->amount);
}

static void check_state(const struct rules_auction *auction, const struct oracle *oracle, int64_t price_before,
                        uint64_t seed, int number)
{
    int leader = oracle_leader(oracle);
    struct uuid leader_id = user(leader);
    bool same = auction->has_leader == (leader >= 0) && auction->price == oracle->price &&
                auction->bid_count == oracle->bids && auction->end_ms == oracle->end_ms &&
                auction->extensions_used == oracle->extensions && auction->status == oracle->status;
    if (same && leader >= 0) {
        same = uuid_equal(&auction->leader_id, &leader_id) && auction->leader_max == oracle->maximum[leader] &&
               auction->leader_by_proxy == oracle->hidden[leader] &&
               auction->runner_up_max == oracle_best_of_others(oracle, leader);
    }
    CHECK(same, "seed %llu, command %d: another state", (unsigned long long)seed, number);
    CHECK(auction->price >= price_before, "seed %llu, command %d: the price fell", (unsigned long long)seed, number);
    CHECK(!auction->has_leader || auction->price <= auction->leader_max,
          "seed %llu, command %d: above the winner's maximum", (unsigned long long)seed, number);
}

/* The auction as the auctions table stores it, with no other field. */
static struct rules_auction through_the_table(const struct rules_auction *auction)
{
    struct rules_auction loaded = {
        .seller_id = auction->seller_id,
        .starting_price = auction->starting_price,
        .reserve_price = auction->reserve_price,
        .buy_now_price = auction->buy_now_price,
        .increments = auction->increments,
        .snipe_window_ms = auction->snipe_window_ms,
        .snipe_extension_ms = auction->snipe_extension_ms,
        .snipe_max = auction->snipe_max,
        .start_ms = auction->start_ms,
        .terms_version = auction->terms_version,
        .status = auction->status,
        .end_ms = auction->end_ms,
        .extensions_used = auction->extensions_used,
        .price = auction->price,
        .bid_count = auction->bid_count,
        .has_leader = auction->has_leader,
    };
    if (auction->has_leader) {
        loaded.leader_id = auction->leader_id;
        loaded.leader_bid_id = auction->leader_bid_id;
        loaded.leader_by_proxy = auction->leader_by_proxy;
        loaded.leader_max = auction->leader_max;
        loaded.runner_up_max = auction->runner_up_max;
    }
    return loaded;
}

static void run_auction(uint64_t seed)
{
    random_state = seed;
    struct rules_auction auction = random_auction();
    struct rules_auction stored = auction;
    struct rules_auction terms = auction;
    struct oracle oracle = {.status = auction.status, .end_ms = auction.end_ms};
    int commands = (int)random_between(1, COMMANDS_MAX);

    for (int number = 1; number <= commands; number++) {
        int bidder = (int)random_between(random_one_in(20) ? 0 : 1, random_one_in(20) ? USERS - 1 : USERS - 2);
        struct rules_terms asked;
        struct rules_command command = random_command(&auction, bidder, number, &asked);
        int64_t price_before = auction.price;
        struct rules_decision expected = oracle_decide(&oracle, &terms, bidder, &command, number);
        struct rules_decision decision = rules_decide(&auction, &command);

        check_decision(&decision, &expected, seed, number);
        check_state(&auction, &oracle, price_before, seed, number);
        stored = through_the_table(&stored);
        struct rules_decision alone = rules_decide(&stored, &command);
        check_decision(&alone, &decision, seed, number);
        check_state(&stored, &oracle, price_before, seed, number);
        CHECK(!stored.has_leader || uuid_equal(&stored.leader_bid_id, &auction.leader_bid_id),
              "seed %llu, command %d: held by another entry", (unsigned long long)seed, number);
    }
    bool sold = oracle.price > 0 && oracle.price >= terms.reserve_price;
    CHECK(rules_outcome(&auction) == (sold ? RULES_SOLD : RULES_UNSOLD), "seed %llu: another outcome",
          (unsigned long long)seed);
}

START_TEST(random_auctions_are_decided_as_by_the_oracle)
{
    for (int i = 0; i < AUCTIONS / BLOCKS; i++) {
        run_auction((uint64_t)_i * (AUCTIONS / BLOCKS) + (uint64_t)i + UINT64_C(1000000));
    }
}
END_TEST

START_TEST(remembered_seeds_are_decided_as_by_the_oracle)
{
    run_auction(SEEDS[_i]);
}
END_TEST

static Suite *rules_property_suite(void)
{
    Suite *suite = suite_create("rules_property");
    TCase *tcase = tcase_create("oracle");
    tcase_add_loop_test(tcase, remembered_seeds_are_decided_as_by_the_oracle, 0, (int)ARRAY_LEN(SEEDS));
    tcase_add_loop_test(tcase, random_auctions_are_decided_as_by_the_oracle, 0, BLOCKS);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(rules_property_suite());
}
