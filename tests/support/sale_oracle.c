/*
 * See sale_oracle.h.
 */
#include "tests/support/sale_oracle.h"

#include <assert.h>

void oracle_begin(struct sale_oracle *oracle, const struct sale_terms *terms)
{
    *oracle = (struct sale_oracle){.terms = *terms};
}

/* --- looking --- */

int64_t oracle_units(const struct sale_oracle *oracle, enum oracle_holder holder)
{
    int64_t count = 0;
    for (int64_t i = 0; i < oracle->terms.quantity; i++) {
        count += oracle->units[i].holder == holder;
    }
    return count;
}

int64_t oracle_claim(const struct sale_oracle *oracle, size_t place)
{
    int64_t count = 0;
    for (int64_t i = 0; i < oracle->terms.quantity; i++) {
        count += oracle->units[i].holder == ORACLE_TURN && oracle->units[i].index == place;
    }
    return count;
}

int64_t oracle_waiting(const struct sale_oracle *oracle)
{
    int64_t count = 0;
    for (size_t i = 0; i < oracle->place_count; i++) {
        count += oracle->places[i].status == SALE_ENTRY_WAITING;
    }
    return count;
}

enum sale_status oracle_status(const struct sale_oracle *oracle)
{
    if (oracle->cancelled) {
        return SALE_CANCELLED;
    }
    if (oracle_units(oracle, ORACLE_SOLD) == oracle->terms.quantity) {
        return SALE_SOLD_OUT;
    }
    if (oracle->ended) {
        return oracle_units(oracle, ORACLE_RESERVED) > 0 ? SALE_ENDED : SALE_SETTLED;
    }
    if (oracle->started) {
        return SALE_ACTIVE;
    }
    return oracle->opened ? SALE_OPEN : SALE_UPCOMING;
}

static enum sale_reason over(const struct sale_oracle *oracle)
{
    switch (oracle_status(oracle)) {
    case SALE_CANCELLED:
        return SALE_REASON_SALE_CANCELLED;
    case SALE_SOLD_OUT:
        return SALE_REASON_SOLD_OUT;
    case SALE_ENDED:
    case SALE_SETTLED:
        return SALE_REASON_SALE_ENDED;
    default:
        return SALE_REASON_NONE;
    }
}

/* The place where the user waits or has a turn, or NULL. */
static struct oracle_place *place_of(struct sale_oracle *oracle, const struct uuid *user)
{
    for (size_t i = 0; i < oracle->place_count; i++) {
        struct oracle_place *place = &oracle->places[i];
        if (uuid_equal(&place->user, user) &&
            (place->status == SALE_ENTRY_WAITING || place->status == SALE_ENTRY_TURN)) {
            return place;
        }
    }
    return NULL;
}

static struct oracle_order *order_of(struct sale_oracle *oracle, const struct uuid *id)
{
    for (size_t i = 0; i < oracle->order_count; i++) {
        if (uuid_equal(&oracle->orders[i].id, id)) {
            return &oracle->orders[i];
        }
    }
    return NULL;
}

/* What the user has reserved and bought. */
static int64_t owned_by(const struct sale_oracle *oracle, const struct uuid *user)
{
    int64_t count = 0;
    for (int64_t i = 0; i < oracle->terms.quantity; i++) {
        const struct oracle_unit *unit = &oracle->units[i];
        bool of_order = unit->holder == ORACLE_RESERVED || unit->holder == ORACLE_SOLD;
        count += of_order && uuid_equal(&oracle->orders[unit->index].user, user);
    }
    return count;
}

/* --- moving units --- */

static void take(struct sale_oracle *oracle, int64_t count, enum oracle_holder holder, size_t index)
{
    for (int64_t i = 0; i < oracle->terms.quantity && count > 0; i++) {
        if (oracle->units[i].holder == ORACLE_FREE) {
            oracle->units[i] = (struct oracle_unit){holder, index};
            count--;
        }
    }
    assert(count == 0);
}

static void hand_over(struct sale_oracle *oracle, enum oracle_holder from, size_t index, enum oracle_holder to)
{
    for (int64_t i = 0; i < oracle->terms.quantity; i++) {
        if (oracle->units[i].holder == from && oracle->units[i].index == index) {
            oracle->units[i].holder = to;
        }
    }
}

static void end_turn(struct sale_oracle *oracle, struct oracle_place *place, enum sale_entry_status status)
{
    hand_over(oracle, ORACLE_TURN, (size_t)(place - oracle->places), ORACLE_FREE);
    place->status = status;
}

static void end_order(struct sale_oracle *oracle, struct oracle_order *order, enum sale_order_status status)
{
    hand_over(oracle, ORACLE_RESERVED, (size_t)(order - oracle->orders), ORACLE_FREE);
    order->status = status;
}

/* The sale is over. */
static void close_line(struct sale_oracle *oracle)
{
    for (size_t i = 0; i < oracle->place_count; i++) {
        struct oracle_place *place = &oracle->places[i];
        if (place->status == SALE_ENTRY_WAITING || place->status == SALE_ENTRY_TURN) {
            end_turn(oracle, place, SALE_ENTRY_CLOSED);
        }
    }
}

static void grant_turns(struct sale_oracle *oracle)
{
    oracle->turns = 0;
    for (size_t i = 0; i < oracle->place_count; i++) {
        struct oracle_place *place = &oracle->places[i];
        int64_t left = oracle_units(oracle, ORACLE_FREE);
        bool may = oracle_status(oracle) == SALE_ACTIVE && oracle->now_ms < oracle->terms.end_ms;
        if (place->status == SALE_ENTRY_WAITING && may && left > 0) {
            int64_t until_ms = oracle->now_ms + oracle->terms.turn_ms;
            take(oracle, place->wanted < left ? place->wanted : left, ORACLE_TURN, i);
            place->status = SALE_ENTRY_TURN;
            place->until_ms = until_ms < oracle->terms.end_ms ? until_ms : oracle->terms.end_ms;
            oracle->turns++;
        }
    }
}

/* --- commands --- */

static struct oracle_answer yes(void)
{
    return (struct oracle_answer){.verdict = SALE_VERDICT_ACCEPTED};
}

static struct oracle_answer no(enum sale_reason reason)
{
    return (struct oracle_answer){.verdict = SALE_VERDICT_REJECTED, .reason = reason};
}

static struct oracle_answer same(void)
{
    return (struct oracle_answer){.verdict = SALE_VERDICT_UNCHANGED};
}

static struct oracle_answer nothing(void)
{
    return (struct oracle_answer){.verdict = SALE_VERDICT_DROPPED};
}

static struct oracle_answer join(struct sale_oracle *oracle, const struct sale_command *command)
{
    if (over(oracle) != SALE_REASON_NONE) {
        return no(over(oracle));
    }
    if (command->received_ms >= oracle->terms.end_ms) {
        return no(SALE_REASON_SALE_ENDED);
    }
    if (command->received_ms < oracle->terms.join_ms) {
        return no(SALE_REASON_SALE_NOT_OPEN);
    }
    if (command->banned) {
        return no(SALE_REASON_USER_BANNED);
    }
    if (command->quantity < 1) {
        return no(SALE_REASON_INVALID_QUANTITY);
    }
    if (place_of(oracle, &command->user_id) != NULL) {
        return same();
    }
    if (owned_by(oracle, &command->user_id) + command->quantity > oracle->terms.per_user_limit) {
        return no(SALE_REASON_LIMIT_REACHED);
    }
    assert(oracle->place_count < ORACLE_PLACES_MAX);
    oracle->places[oracle->place_count] = (struct oracle_place){
        .seq = oracle->seq + 1, .user = command->user_id, .wanted = command->quantity, .status = SALE_ENTRY_WAITING};
    oracle->place_count++;
    return yes();
}

static struct oracle_answer leave(struct sale_oracle *oracle, const struct sale_command *command)
{
    struct oracle_place *place = place_of(oracle, &command->user_id);
    if (over(oracle) != SALE_REASON_NONE) {
        return no(over(oracle));
    }
    if (place == NULL) {
        return no(SALE_REASON_NOT_IN_QUEUE);
    }
    end_turn(oracle, place, SALE_ENTRY_LEFT);
    return yes();
}

static enum sale_reason order_refusal(struct sale_oracle *oracle, const struct sale_command *command)
{
    const struct oracle_place *place = place_of(oracle, &command->user_id);
    if (over(oracle) != SALE_REASON_NONE) {
        return over(oracle);
    }
    if (command->received_ms >= oracle->terms.end_ms) {
        return SALE_REASON_SALE_ENDED;
    }
    if (command->received_ms < oracle->terms.start_ms) {
        return SALE_REASON_SALE_NOT_STARTED;
    }
    if (command->banned) {
        return SALE_REASON_USER_BANNED;
    }
    if (command->quantity < 1) {
        return SALE_REASON_INVALID_QUANTITY;
    }
    if (place != NULL && place->status == SALE_ENTRY_WAITING) {
        return SALE_REASON_NOT_YOUR_TURN;
    }
    if (place != NULL && command->received_ms - command->refused_ms >= place->until_ms) {
        return SALE_REASON_TURN_EXPIRED;
    }
    if (place != NULL) {
        bool larger = command->quantity > oracle_claim(oracle, (size_t)(place - oracle->places));
        return larger ? SALE_REASON_CLAIM_EXCEEDED : SALE_REASON_NONE;
    }
    if (owned_by(oracle, &command->user_id) + command->quantity > oracle->terms.per_user_limit) {
        return SALE_REASON_LIMIT_REACHED;
    }
    bool spare = oracle_waiting(oracle) == 0 && oracle_units(oracle, ORACLE_FREE) >= command->quantity;
    return spare ? SALE_REASON_NONE : SALE_REASON_NOT_IN_QUEUE;
}

static struct oracle_answer order(struct sale_oracle *oracle, const struct sale_command *command)
{
    enum sale_reason reason = order_refusal(oracle, command);
    struct oracle_place *place = place_of(oracle, &command->user_id);
    struct oracle_order *made = &oracle->orders[oracle->order_count];
    assert(oracle->order_count < ORACLE_ORDERS_MAX);
    *made = (struct oracle_order){.id = command->id,
                                  .user = command->user_id,
                                  .quantity = command->quantity,
                                  .total = command->quantity > 0 ? command->quantity * oracle->terms.price : 0,
                                  .status = SALE_ORDER_REJECTED,
                                  .reason = reason};
    oracle->order_count++;
    if (reason != SALE_REASON_NONE) {
        return no(reason);
    }
    if (place != NULL) {
        end_turn(oracle, place, SALE_ENTRY_ORDERED);
    }
    take(oracle, command->quantity, ORACLE_RESERVED, (size_t)(made - oracle->orders));
    made->status = SALE_ORDER_RESERVED;
    made->until_ms = oracle->now_ms + oracle->terms.reservation_ms;
    return yes();
}

static bool is_late(const struct oracle_order *order, const struct sale_command *command)
{
    return command->received_ms - command->refused_ms >= order->until_ms;
}

static enum sale_reason reason_of(const struct oracle_order *order)
{
    return order->status == SALE_ORDER_EXPIRED ? SALE_REASON_RESERVATION_EXPIRED : SALE_REASON_ORDER_CLOSED;
}

static struct oracle_answer sell(struct sale_oracle *oracle, struct oracle_order *order)
{
    hand_over(oracle, ORACLE_RESERVED, (size_t)(order - oracle->orders), ORACLE_SOLD);
    order->status = SALE_ORDER_CONFIRMED;
    return yes();
}

static struct oracle_answer confirm(struct sale_oracle *oracle, const struct sale_command *command)
{
    struct oracle_order *order = order_of(oracle, &command->order_id);
    if (order == NULL || !uuid_equal(&order->user, &command->user_id)) {
        return no(SALE_REASON_NOT_FOUND);
    }
    if (oracle->terms.payment == SALE_PAYMENT_CALLBACK) {
        return no(SALE_REASON_PAYMENT_REQUIRED);
    }
    if (order->status == SALE_ORDER_CONFIRMED) {
        return same();
    }
    if (order->status != SALE_ORDER_RESERVED) {
        return no(reason_of(order));
    }
    return is_late(order, command) ? no(SALE_REASON_RESERVATION_EXPIRED) : sell(oracle, order);
}

/* Whether a buyer whose reservation is gone can still have the units. */
static bool can_have(struct sale_oracle *oracle, const struct oracle_order *order)
{
    const struct oracle_place *place = place_of(oracle, &order->user);
    int64_t units = owned_by(oracle, &order->user) + order->quantity;
    if (place != NULL) { /* nobody waits, so it is a turn */
        units += oracle_claim(oracle, (size_t)(place - oracle->places));
    }
    return !oracle->cancelled && oracle_waiting(oracle) == 0 && oracle_units(oracle, ORACLE_FREE) >= order->quantity &&
           units <= oracle->terms.per_user_limit;
}

static struct oracle_answer pay(struct sale_oracle *oracle, const struct sale_command *command)
{
    struct oracle_order *order = order_of(oracle, &command->order_id);
    if (order == NULL) {
        return no(SALE_REASON_NOT_FOUND);
    }
    if (oracle->terms.payment == SALE_PAYMENT_NONE) {
        return no(SALE_REASON_NO_PAYMENT_DUE);
    }
    if (command->amount != order->total) {
        return no(SALE_REASON_WRONG_AMOUNT);
    }
    if (!uuid_is_nil(&order->payment) || order->status == SALE_ORDER_REJECTED) {
        return uuid_equal(&order->payment, &command->id) ? same() : no(SALE_REASON_ORDER_CLOSED);
    }
    order->payment = command->id;
    if (order->status == SALE_ORDER_RESERVED && !is_late(order, command)) {
        return sell(oracle, order);
    }
    if (order->status == SALE_ORDER_RESERVED) {
        end_order(oracle, order, SALE_ORDER_EXPIRED);
    }
    if (order->status == SALE_ORDER_CANCELLED || !can_have(oracle, order)) {
        order->status = SALE_ORDER_REFUND_DUE;
        return yes();
    }
    take(oracle, order->quantity, ORACLE_SOLD, (size_t)(order - oracle->orders));
    order->status = SALE_ORDER_CONFIRMED;
    return yes();
}

static struct oracle_answer give_back(struct sale_oracle *oracle, struct oracle_order *order,
                                      enum sale_order_status status)
{
    if (order->status == SALE_ORDER_RESERVED) {
        end_order(oracle, order, status);
        return yes();
    }
    return order->status == status ? same() : no(reason_of(order));
}

static struct oracle_answer fail(struct sale_oracle *oracle, const struct sale_command *command)
{
    struct oracle_order *order = order_of(oracle, &command->order_id);
    if (order == NULL) {
        return no(SALE_REASON_NOT_FOUND);
    }
    return oracle->terms.payment == SALE_PAYMENT_NONE ? no(SALE_REASON_NO_PAYMENT_DUE)
                                                      : give_back(oracle, order, SALE_ORDER_FAILED);
}

static struct oracle_answer cancel(struct sale_oracle *oracle, const struct sale_command *command)
{
    struct oracle_order *order = order_of(oracle, &command->order_id);
    return order == NULL || !uuid_equal(&order->user, &command->user_id)
               ? no(SALE_REASON_NOT_FOUND)
               : give_back(oracle, order, SALE_ORDER_CANCELLED);
}

static struct oracle_answer expire(struct sale_oracle *oracle, const struct sale_command *command)
{
    int64_t due_ms = command->received_ms - command->refused_ms;
    struct oracle_answer answer = nothing();
    for (size_t i = 0; i < oracle->place_count; i++) {
        if (oracle->places[i].status == SALE_ENTRY_TURN && oracle->places[i].until_ms <= due_ms) {
            end_turn(oracle, &oracle->places[i], SALE_ENTRY_EXPIRED);
            answer = yes();
        }
    }
    for (size_t i = 0; i < oracle->order_count; i++) {
        if (oracle->orders[i].status == SALE_ORDER_RESERVED && oracle->orders[i].until_ms <= due_ms) {
            end_order(oracle, &oracle->orders[i], SALE_ORDER_EXPIRED);
            answer = yes();
        }
    }
    return answer;
}

static struct oracle_answer fence(struct sale_oracle *oracle, const struct sale_command *command)
{
    if (over(oracle) != SALE_REASON_NONE || command->received_ms < oracle->terms.end_ms) {
        return nothing();
    }
    oracle->ended = true;
    return yes();
}

static bool sensible(const struct sale_terms *terms)
{
    return terms->quantity > 0 && terms->per_user_limit > 0 && terms->join_ms <= terms->start_ms &&
           terms->start_ms < terms->end_ms;
}

static struct oracle_answer change(struct sale_oracle *oracle, const struct sale_command *command)
{
    if (over(oracle) != SALE_REASON_NONE) {
        return no(over(oracle));
    }
    if (command->kind == SALE_COMMAND_ABORT) {
        oracle->cancelled = true;
        for (size_t i = 0; i < oracle->order_count; i++) {
            if (oracle->orders[i].status == SALE_ORDER_RESERVED) {
                end_order(oracle, &oracle->orders[i], SALE_ORDER_CANCELLED);
            }
        }
        return yes();
    }
    if (command->received_ms >= oracle->terms.end_ms) {
        return no(SALE_REASON_SALE_ENDED);
    }
    if (command->kind == SALE_COMMAND_UPDATE) {
        if (oracle->opened || oracle->started) {
            return no(SALE_REASON_SALE_ALREADY_OPEN);
        }
        if (command->stale || !sensible(command->terms)) {
            return no(command->stale ? SALE_REASON_VERSION_CONFLICT : SALE_REASON_INVALID_TERMS);
        }
        oracle->terms = *command->terms;
        return yes();
    }
    if (command->kind == SALE_COMMAND_EXTEND) {
        bool later = command->end_ms > oracle->terms.end_ms;
        oracle->terms.end_ms = later ? command->end_ms : oracle->terms.end_ms;
        return later ? yes() : no(SALE_REASON_END_NOT_LATER);
    }
    if (!oracle->started || command->received_ms <= oracle->terms.start_ms) {
        return no(SALE_REASON_SALE_NOT_STARTED);
    }
    oracle->terms.end_ms = command->received_ms;
    oracle->ended = true;
    return yes();
}

/* Opens and starts the sale if the command came in time. */
static bool open_and_start(struct sale_oracle *oracle, const struct sale_command *command)
{
    bool in_time = command->received_ms < oracle->terms.end_ms && over(oracle) == SALE_REASON_NONE;
    bool opens = in_time && command->received_ms >= oracle->terms.join_ms;
    bool starts = in_time && command->received_ms >= oracle->terms.start_ms;
    bool changes = (opens && !oracle->opened) || (starts && !oracle->started);
    oracle->opened = oracle->opened || opens;
    oracle->started = oracle->started || starts;
    return changes;
}

static struct oracle_answer decide(struct sale_oracle *oracle, const struct sale_command *command)
{
    switch (command->kind) {
    case SALE_COMMAND_JOIN:
        return join(oracle, command);
    case SALE_COMMAND_LEAVE:
        return leave(oracle, command);
    case SALE_COMMAND_ORDER:
        return order(oracle, command);
    case SALE_COMMAND_CONFIRM:
        return command->paid ? pay(oracle, command) : confirm(oracle, command);
    case SALE_COMMAND_FAIL:
        return fail(oracle, command);
    case SALE_COMMAND_CANCEL:
        return cancel(oracle, command);
    case SALE_COMMAND_EXPIRE:
        return expire(oracle, command);
    case SALE_COMMAND_FENCE:
        return fence(oracle, command);
    case SALE_COMMAND_UPDATE:
    case SALE_COMMAND_EXTEND:
    case SALE_COMMAND_CLOSE:
    case SALE_COMMAND_ABORT:
        return change(oracle, command);
    default:
        return nothing(); /* OPEN and START do no more than every command in time */
    }
}

static bool opens_if_in_time(enum sale_command_kind kind)
{
    return kind != SALE_COMMAND_CONFIRM && kind != SALE_COMMAND_FAIL && kind != SALE_COMMAND_CANCEL &&
           kind != SALE_COMMAND_EXPIRE && kind != SALE_COMMAND_FENCE && kind != SALE_COMMAND_ABORT;
}

struct oracle_answer oracle_decide(struct sale_oracle *oracle, const struct sale_command *command, int64_t decided_ms)
{
    bool opens = opens_if_in_time(command->kind);
    oracle->now_ms = decided_ms > oracle->row_ms ? decided_ms : oracle->row_ms;
    bool changes = opens && open_and_start(oracle, command);
    struct oracle_answer answer = decide(oracle, command);
    if (opens) {
        (void)open_and_start(oracle, command); /* an update may have moved the times */
    }
    if (changes && answer.verdict == SALE_VERDICT_DROPPED) {
        answer = yes();
    }
    answer.unused = command->paid && answer.verdict == SALE_VERDICT_REJECTED;
    if (over(oracle) != SALE_REASON_NONE) {
        close_line(oracle);
    }
    oracle->seq += answer.verdict != SALE_VERDICT_DROPPED;
    grant_turns(oracle);
    oracle->seq += (int64_t)oracle->turns;
    if (oracle->turns > 0 || answer.verdict != SALE_VERDICT_DROPPED) {
        oracle->row_ms = oracle->now_ms;
    }
    return answer;
}
