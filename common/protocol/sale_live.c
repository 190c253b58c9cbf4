/*
 * See sale_live.h. Short member names keep messages small, as in live_update.c:
 *   t "sale"       a sale        n version     d time        s status       q quantity    c claimed     r reserved
 *   o sold         w waiting     h head_seq    j join        b start        e end         g granted     l look, if true
 *   i gone, if any
 */
#include "common/protocol/sale_live.h"

#include <assert.h>
#include <string.h>

#define MESSAGE_TYPE "sale"

enum { NUMBERS = 12 };

struct number {
    const char *name;
    int64_t *value;
    int64_t most; /* and at least 0 */
};

/* All numbers but the list, in the order of the message. */
static void list_numbers(struct sale_live *update, struct number numbers[static NUMBERS])
{
    const struct number all[] = {
        {"n", &update->version, INT64_MAX},          {"d", &update->at_ms, SALE_TIME_MS_MAX},
        {"q", &update->quantity, SALE_QUANTITY_MAX}, {"c", &update->claimed, SALE_QUANTITY_MAX},
        {"r", &update->reserved, SALE_QUANTITY_MAX}, {"o", &update->sold, SALE_QUANTITY_MAX},
        {"w", &update->waiting, INT64_MAX},          {"h", &update->head_seq, INT64_MAX},
        {"j", &update->join_ms, SALE_TIME_MS_MAX},   {"b", &update->start_ms, SALE_TIME_MS_MAX},
        {"e", &update->end_ms, SALE_TIME_MS_MAX},    {"g", &update->granted, SALE_GRANTS_MAX},
    };
    static_assert(ARRAY_LEN(all) == NUMBERS, "each number is listed");
    memcpy(numbers, all, sizeof all);
}

void sale_live_add_gone(struct sale_live *update, int64_t seq)
{
    if (update->gone_count == SALE_LIVE_GONE_MAX) {
        update->look = true;
        return;
    }
    update->gone[update->gone_count++] = seq;
}

void sale_live_write(struct jsonw *writer, const struct sale_live *update)
{
    struct sale_live copy = *update;
    struct number numbers[NUMBERS];
    list_numbers(&copy, numbers);
    jsonw_object(writer);
    jsonw_put_string(writer, "t", MESSAGE_TYPE);
    jsonw_put_uuid(writer, "a", &update->sale_id);
    jsonw_put_string(writer, "s", sale_status_text(update->status));
    for (size_t i = 0; i < NUMBERS; i++) {
        jsonw_put_int(writer, numbers[i].name, *numbers[i].value);
    }
    if (update->look) {
        jsonw_put_bool(writer, "l", true);
    }
    if (update->gone_count > 0) {
        jsonw_name(writer, "i");
        jsonw_array(writer);
        for (size_t i = 0; i < update->gone_count; i++) {
            jsonw_int(writer, update->gone[i]);
        }
        jsonw_end_array(writer);
    }
    jsonw_end_object(writer);
}

static bool read_gone(const struct json *array, struct sale_live *update)
{
    if (array == NULL) {
        return true;
    }
    if (array->type != JSON_ARRAY) {
        return false;
    }
    for (const struct json *value = array->child; value != NULL; value = value->next) {
        if (update->gone_count == SALE_LIVE_GONE_MAX ||
            !json_int(value, 1, INT64_MAX, &update->gone[update->gone_count])) {
            return false;
        }
        update->gone_count++;
    }
    return true;
}

static bool read_update(const struct json *root, struct sale_live *update)
{
    struct number numbers[NUMBERS];
    const char *type = NULL;
    const char *status = NULL;
    list_numbers(update, numbers);
    if (!json_get_text(root, "t", &type) || strcmp(type, MESSAGE_TYPE) != 0 ||
        !json_get_uuid(root, "a", &update->sale_id) || !json_get_text(root, "s", &status) ||
        !sale_status_parse(status, &update->status)) {
        return false;
    }
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!json_get_int(root, numbers[i].name, 0, numbers[i].most, numbers[i].value)) {
            return false;
        }
    }
    return (json_member(root, "l") == NULL || json_get_bool(root, "l", &update->look)) &&
           update->claimed + update->reserved + update->sold <= update->quantity &&
           read_gone(json_member(root, "i"), update);
}

bool sale_live_read(const char *bytes, size_t length, struct sale_live *update)
{
    struct json *root = json_parse(bytes, length, NULL);
    *update = (struct sale_live){.look = false};
    bool ok = root != NULL && read_update(root, update);
    json_free(root);
    return ok;
}
