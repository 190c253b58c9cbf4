/*
 * See flash.h.
 */
#include "tests/support/flash.h"

#include "common/rules/sale_check.h"

struct sale_set flash;
static uint16_t ids;
static int64_t decide_at_ms;

void flash_begin(int64_t quantity, int64_t per_user_limit)
{
    struct sale sale = {
        .terms =
            {
                .price = FLASH_PRICE,
                .quantity = quantity,
                .per_user_limit = per_user_limit,
                .join_ms = FLASH_JOIN_MS,
                .start_ms = FLASH_START_MS,
                .end_ms = FLASH_END_MS,
                .turn_ms = FLASH_TURN_MS,
                .reservation_ms = FLASH_RESERVATION_MS,
            },
    };
    ck_assert(sale_terms_valid(&sale.terms));
    sale_set_begin(&flash, &sale, 0, true);
    ids = 0;
    decide_at_ms = 0;
}

void flash_begin_active(int64_t quantity, int64_t per_user_limit)
{
    flash_begin(quantity, per_user_limit);
    flash_expect_accepted(flash_command(SALE_COMMAND_START, FLASH_START_MS));
}

void flash_set_up(void)
{
    flash_begin_active(2, 1);
}

void flash_tear_down(void)
{
    sale_set_free(&flash);
}

struct uuid flash_user(int user)
{
    return (struct uuid){.bytes = {[7] = 0x5e, [15] = (uint8_t)user}};
}

struct uuid flash_id(void)
{
    return (struct uuid){.bytes = {[0] = 0xc0, [14] = (uint8_t)(ids >> 8), [15] = (uint8_t)ids}};
}

void flash_decide_at(int64_t ms)
{
    decide_at_ms = ms;
}

struct sale_decision flash_send(struct sale_command command)
{
    ids++;
    if (uuid_is_nil(&command.id)) {
        command.id = flash_id();
    }
    sale_set_written(&flash, decide_at_ms > 0 ? decide_at_ms : command.received_ms);
    decide_at_ms = 0;
    bool ready = sale_set_ready(&flash, 1);
    ck_assert(ready);
    struct sale_decision decision = sale_decide(&flash, &command);
    const char *violated = sale_check(&flash);
    ck_assert_msg(violated == NULL, "%s", violated);
    return decision;
}

struct sale_decision flash_join(int user, int64_t quantity, int64_t at_ms)
{
    return flash_send((struct sale_command){
        .kind = SALE_COMMAND_JOIN, .user_id = flash_user(user), .quantity = quantity, .received_ms = at_ms});
}

struct sale_decision flash_leave(int user, int64_t at_ms)
{
    return flash_send(
        (struct sale_command){.kind = SALE_COMMAND_LEAVE, .user_id = flash_user(user), .received_ms = at_ms});
}

struct sale_decision flash_order(int user, int64_t quantity, int64_t at_ms)
{
    return flash_send((struct sale_command){
        .kind = SALE_COMMAND_ORDER, .user_id = flash_user(user), .quantity = quantity, .received_ms = at_ms});
}

struct sale_decision flash_confirm(int user, struct uuid order, int64_t at_ms)
{
    return flash_send((struct sale_command){
        .kind = SALE_COMMAND_CONFIRM, .user_id = flash_user(user), .order_id = order, .received_ms = at_ms});
}

struct sale_decision flash_cancel(int user, struct uuid order, int64_t at_ms)
{
    return flash_send((struct sale_command){
        .kind = SALE_COMMAND_CANCEL, .user_id = flash_user(user), .order_id = order, .received_ms = at_ms});
}

struct sale_decision flash_pay(struct uuid order, int64_t amount, int64_t at_ms)
{
    return flash_send((struct sale_command){
        .kind = SALE_COMMAND_CONFIRM, .order_id = order, .paid = true, .amount = amount, .received_ms = at_ms});
}

struct sale_decision flash_fail(struct uuid order, int64_t at_ms)
{
    return flash_send((struct sale_command){.kind = SALE_COMMAND_FAIL, .order_id = order, .received_ms = at_ms});
}

struct sale_decision flash_command(enum sale_command_kind kind, int64_t at_ms)
{
    return flash_send((struct sale_command){.kind = kind, .received_ms = at_ms});
}

struct sale_decision flash_extend(int64_t end_ms, int64_t at_ms)
{
    return flash_send((struct sale_command){.kind = SALE_COMMAND_EXTEND, .end_ms = end_ms, .received_ms = at_ms});
}

const struct sale_order *flash_order_of(struct uuid id)
{
    const struct sale_order *order = sale_set_order(&flash, &id);
    ck_assert_ptr_nonnull(order);
    return order;
}

const struct sale_entry *flash_entry_of(int user)
{
    struct uuid id = flash_user(user);
    const struct sale_entry *found = NULL;
    for (size_t i = 0; i < flash.entry_count; i++) {
        found = uuid_equal(&flash.entries[i].user_id, &id) ? &flash.entries[i] : found;
    }
    ck_assert_ptr_nonnull(found);
    return found;
}

void flash_expect(struct sale_decision decision, enum sale_verdict verdict, enum sale_reason reason)
{
    ck_assert_msg(decision.verdict == verdict && decision.reason == reason, "%s %s, should be %s %s",
                  sale_verdict_text(decision.verdict), sale_reason_text(decision.reason), sale_verdict_text(verdict),
                  sale_reason_text(reason));
}

void flash_expect_accepted(struct sale_decision decision)
{
    flash_expect(decision, SALE_VERDICT_ACCEPTED, SALE_REASON_NONE);
}

void flash_expect_rejected(struct sale_decision decision, enum sale_reason reason)
{
    flash_expect(decision, SALE_VERDICT_REJECTED, reason);
}

void flash_expect_units(int64_t claimed, int64_t reserved, int64_t sold)
{
    ck_assert_int_eq(flash.sale.claimed, claimed);
    ck_assert_int_eq(flash.sale.reserved, reserved);
    ck_assert_int_eq(flash.sale.sold, sold);
    ck_assert_int_eq(sale_free(&flash.sale), flash.sale.terms.quantity - claimed - reserved - sold);
}

void flash_expect_entry(int user, enum sale_entry_status status)
{
    enum sale_entry_status now = sale_entry_effective(&flash.sale, flash_entry_of(user));
    ck_assert_msg(now == status, "user %d: %s, should be %s", user, sale_entry_text(now), sale_entry_text(status));
}

void flash_expect_order(struct uuid id, enum sale_order_status status)
{
    enum sale_order_status now = sale_order_effective(&flash.sale, flash_order_of(id));
    ck_assert_msg(now == status, "%s, should be %s", sale_order_text(now), sale_order_text(status));
}

void flash_expect_status(enum sale_status status)
{
    ck_assert_msg(flash.sale.status == status, "%s, should be %s", sale_status_text(flash.sale.status),
                  sale_status_text(status));
}
