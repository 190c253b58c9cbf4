/*
 * Increment tables; see increments.h. A table is short, so a lookup is a linear scan.
 */
#include "common/rules/increments.h"

#include <assert.h>
#include <string.h>

#include "common/base/money.h"

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

/* Adds the table's next step. Returns NULL, or the error (static). */
static const char *increments_add(struct increments *table, const struct json *element)
{
    const struct increments_step *before = table->count > 0 ? &table->steps[table->count - 1] : NULL;
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
    if (before == NULL ? step.from != 0 : step.from <= before->from) {
        return "the steps must begin at 0 and rise";
    }
    /* Otherwise the minimum bid could fall while the price rises. */
    if (before != NULL && step.increment < before->increment) {
        return "an increment may not be below the one before it";
    }
    table->steps[table->count++] = step;
    return NULL;
}

static bool is_amount(const struct json *value)
{
    return value->type == JSON_NUMBER || value->type == JSON_STRING;
}

/* Adds the next rung. Returns NULL, or the error (static). */
static const char *increments_add_rung(struct increments *table, const struct json *element)
{
    int64_t rung = 0;

    if (table->count == INCREMENTS_RUNGS_MAX) {
        return "a list of rungs has at most 64";
    }
    if (!is_amount(element) || !money_parse(element->text, element->length, &rung) || rung == 0) {
        return "each rung must be an amount of money above zero";
    }
    if (table->count > 0 && rung <= table->rungs[table->count - 1]) {
        return "the rungs must rise";
    }
    table->rungs[table->count++] = rung;
    return NULL;
}

/* Parses steps or rungs. Returns NULL, or the error (static). */
static const char *increments_parse_array(const struct json *array, struct increments *out)
{
    bool rungs = is_amount(array->child);

    *out = (struct increments){.form = rungs ? INCREMENTS_RUNGS : INCREMENTS_STEPS};
    for (const struct json *element = array->child; element != NULL; element = element->next) {
        const char *reason = rungs ? increments_add_rung(out, element) : increments_add(out, element);
        if (reason != NULL) {
            return reason;
        }
    }
    return rungs && out->count < 2 ? "a list of rungs has at least two" : NULL;
}

static const char *increments_parse_percent(const struct json *object, struct increments *out)
{
    *out = (struct increments){.form = INCREMENTS_PERCENT};
    for (const struct json *member = object->child; member != NULL; member = member->next) {
        if (strcmp(member->name, "percent") != 0 && strcmp(member->name, "minimum") != 0) {
            return "a percentage has no members but \"percent\" and \"minimum\"";
        }
    }
    /* A percentage has two decimals, as an amount has. */
    if (!increments_money(object, "percent", &out->percent.points) || out->percent.points == 0 ||
        out->percent.points > INCREMENTS_PERCENT_WHOLE) {
        return "\"percent\" must be 0.01 to 100, with two decimals at most";
    }
    if (!increments_money(object, "minimum", &out->percent.least) || out->percent.least == 0) {
        return "\"minimum\" must be an amount of money above zero";
    }
    return NULL;
}

bool increments_parse(const struct json *value, struct increments *out, const char **reason)
{
    *reason = "must be \"ebay-us\", a list of steps or rungs, or a percentage";
    if (value->type == JSON_STRING && strcmp(value->text, "ebay-us") == 0) {
        *out = increments_ebay_us();
        return true;
    }
    if (value->type == JSON_OBJECT) {
        *reason = increments_parse_percent(value, out);
    } else if (value->type == JSON_ARRAY && value->child != NULL) {
        *reason = increments_parse_array(value, out);
    }
    return *reason == NULL;
}

static void write_steps(const struct increments *table, struct jsonw *json)
{
    jsonw_array(json);
    for (size_t i = 0; i < table->count; i++) {
        jsonw_object(json);
        jsonw_put_money(json, "from", table->steps[i].from);
        jsonw_put_money(json, "increment", table->steps[i].increment);
        jsonw_end_object(json);
    }
    jsonw_end_array(json);
}

static void write_rungs(const struct increments *table, struct jsonw *json)
{
    jsonw_array(json);
    for (size_t i = 0; i < table->count; i++) {
        jsonw_money(json, table->rungs[i]);
    }
    jsonw_end_array(json);
}

void increments_write(const struct increments *table, struct jsonw *json)
{
    switch (table->form) {
    case INCREMENTS_STEPS:
        write_steps(table, json);
        return;
    case INCREMENTS_RUNGS:
        write_rungs(table, json);
        return;
    case INCREMENTS_PERCENT:
        jsonw_object(json);
        jsonw_put_money(json, "percent", table->percent.points); /* two decimals, as an amount */
        jsonw_put_money(json, "minimum", table->percent.least);
        jsonw_end_object(json);
        return;
    }
}

/* The distance to the next rung. Beyond the last rung, its distance repeats. */
static int64_t increments_to_rung(const struct increments *table, int64_t price)
{
    assert(table->count >= 2 && table->count <= INCREMENTS_RUNGS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        if (table->rungs[i] > price) {
            return table->rungs[i] - price;
        }
    }
    int64_t last = table->rungs[table->count - 1];
    int64_t distance = last - table->rungs[table->count - 2];
    return distance - (price - last) % distance;
}

static int64_t increments_of_percent(const struct increments *table, int64_t price)
{
    int64_t part = (price * table->percent.points + INCREMENTS_PERCENT_WHOLE - 1) / INCREMENTS_PERCENT_WHOLE;

    return part > table->percent.least ? part : table->percent.least;
}

int64_t increments_at(const struct increments *table, int64_t price)
{
    int64_t increment = 0;

    assert(price >= 0 && price <= MONEY_MAX);
    if (table->form == INCREMENTS_RUNGS) {
        return increments_to_rung(table, price);
    }
    if (table->form == INCREMENTS_PERCENT) {
        return increments_of_percent(table, price);
    }
    assert(table->count > 0 && table->count <= INCREMENTS_STEPS_MAX);
    increment = table->steps[0].increment;
    for (size_t i = 1; i < table->count && table->steps[i].from <= price; i++) {
        increment = table->steps[i].increment;
    }
    return increment;
}
