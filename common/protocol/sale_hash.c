/*
 * See sale_hash.h.
 */
#include "common/protocol/sale_hash.h"

#include "common/base/decimal.h"
#include "common/base/money.h"

static void add_id(struct hash_chain *chain, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    hash_chain_add(chain, uuid_is_nil(id) ? NULL : text);
}

static void add_number(struct hash_chain *chain, int64_t number)
{
    char text[DECIMAL_SIZE];
    (void)decimal_format(number, text);
    hash_chain_add(chain, text);
}

/* 0 is NULL. */
static void add_optional(struct hash_chain *chain, int64_t number)
{
    if (number == 0) {
        hash_chain_add(chain, NULL);
    } else {
        add_number(chain, number);
    }
}

static void add_money(struct hash_chain *chain, int64_t minor)
{
    char text[MONEY_TEXT_SIZE];
    money_format(minor, text);
    hash_chain_add(chain, minor == 0 ? NULL : text);
}

void sale_hash(const char *previous, const struct uuid *sale_id, const struct sale_row *row,
               char hash[static HASH_CHAIN_TEXT_SIZE])
{
    struct hash_chain chain;
    hash_chain_begin(&chain, SALE_HASH_LABEL);
    hash_chain_add(&chain, previous[0] == '\0' ? NULL : previous);
    add_id(&chain, sale_id);
    add_number(&chain, row->seq);
    add_id(&chain, &row->command_id);
    hash_chain_add(&chain, sale_ledger_text(row->kind));
    hash_chain_add(&chain, sale_verdict_text(row->verdict));
    hash_chain_add(&chain, row->reason == SALE_REASON_NONE ? NULL : sale_reason_text(row->reason));
    hash_chain_add(&chain, row->paid ? "true" : "false");
    add_id(&chain, &row->user_id);
    add_number(&chain, row->quantity);
    add_optional(&chain, row->place);
    add_id(&chain, &row->order_id);
    add_money(&chain, row->amount);
    add_optional(&chain, row->end_ms);
    add_number(&chain, row->refused_ms);
    add_number(&chain, row->received_ms);
    add_number(&chain, row->decided_ms);
    hash_chain_end(&chain, hash);
}
