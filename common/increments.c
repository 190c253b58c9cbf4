/*
 * Increment tables; see increments.h. A table is short, so looking one up is a walk from its start.
 */
#include "common/increments.h"

#include <assert.h>
#include <string.h>

#include "common/money.h"

struct increments increments_fixed(int64_t increment)
{
    struct increments table = {.count = 1};

    assert(increment > 0 && increment <= MONEY_MAX);
    table.steps[0].increment = increment;
    return table;
}

struct increments increments_ebay_us(void)
{
    return (struct increments){
        .count = 10,
        .steps =
            {
                {.from = 0, .increment = 5},
                {.from = 100, .increment = 25},
                {.from = 500, .increment = 50},
                {.from = 2500, .increment = 100},
                {.from = 10000, .increment = 250},
                {.from = 25000, .increment = 500},
                {.from = 50000, .increment = 1000},
                {.from = 100000, .increment = 2500},
                {.from = 250000, .increment = 5000},
                {.from = 500000, .increment = 10000},
            },
    };
}

static bool increments_money(const struct json *object, const char *name, int64_t *minor)
{
    const struct json *value = json_member(object, name);

    return value != NULL && (value->type == JSON_NUMBER || value->type == JSON_STRING) &&
           money_parse(value->text, value->length, minor);
}

/* NULL, or what is wrong with `element` as the table's next step. */
static const char *increments_add(struct increments *table, const struct json *element)
{
    struct increments_step step;

    if (table->count == INCREMENTS_STEPS_MAX) {
        return "an increment table has at most 32 steps";
    }
    if (element->type != JSON_OBJECT || !increments_money(element, "from", &step.from) ||
        !increments_money(element, "increment", &step.increment)) {
        return "each step needs the amounts \"from\" and \"increment\"";
    }
    for (const struct json *member = element->child; member != NULL; member = member->next) {
        if (strcmp(member->name, "from") != 0 && strcmp(member->name, "increment") != 0) {
            return "a step has no members but \"from\" and \"increment\"";
        }
    }
    if (step.increment == 0) {
        return "each increment must be above zero";
    }
    if (table->count == 0 ? step.from != 0 : step.from <= table->steps[table->count - 1].from) {
        return "the steps must begin at 0 and rise";
    }
    /* Else the minimum bid could fall while the price rises, and a refusal by an older minimum would be wrong. */
    if (table->count > 0 && step.increment < table->steps[table->count - 1].increment) {
        return "an increment may not be below the one before it";
    }
    table->steps[table->count++] = step;
    return NULL;
}

bool increments_parse(const struct json *value, struct increments *out, const char **why)
{
    *why = "must be \"ebay-us\" or a list of steps";
    if (value->type == JSON_STRING && strcmp(value->text, "ebay-us") == 0) {
        *out = increments_ebay_us();
        return true;
    }
    if (value->type != JSON_ARRAY || value->child == NULL) {
        return false;
    }
    *out = (struct increments){.count = 0};
    for (const struct json *element = value->child; element != NULL; element = element->next) {
        *why = increments_add(out, element);
        if (*why != NULL) {
            return false;
        }
    }
    return true;
}

int64_t increments_at(const struct increments *table, int64_t price)
{
    int64_t increment = table->steps[0].increment;

    assert(table->count > 0 && table->count <= INCREMENTS_STEPS_MAX && price >= 0);
    for (size_t i = 1; i < table->count && table->steps[i].from <= price; i++) {
        increment = table->steps[i].increment;
    }
    return increment;
}
