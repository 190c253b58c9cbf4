/*
 * The orders of a flash sale: reservations and payments. Part of the rules of sale_rules.h, which calls it.
 *
 * Invariants: a reserved order holds its units until it is confirmed, cancelled, failed or expired; they return exactly
 * once. A confirmed order stays so. Only a payment of the total price confirms an order of a sale with payments.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_ORDERS_H
#define ROSTRUM_COMMON_RULES_SALE_ORDERS_H

#include "common/rules/sale_command.h"

/* They decide ORDER, CONFIRM, FAIL and CANCEL. */
struct sale_decision sale_orders_order(struct sale_set *set, const struct sale_command *command);
struct sale_decision sale_orders_confirm(struct sale_set *set, const struct sale_command *command);
struct sale_decision sale_orders_fail(struct sale_set *set, const struct sale_command *command);
struct sale_decision sale_orders_cancel(struct sale_set *set, const struct sale_command *command);

/* Expires at most SALE_EXPIRE_MAX reservations that are due. As sale_line_expire. */
int64_t sale_orders_expire(struct sale_set *set, int64_t due_ms, bool *unfinished);

#endif
