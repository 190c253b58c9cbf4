/*
 * See live_update.h. Short member names keep messages small, as in message.c:
 *   k kind         a auction      n version      d time         s status         e end        b start
 *   m current bid  l minimum bid  c bid count    r reserve met  i bids
 */
#include "common/protocol/live_update.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/money.h"
#include "common/base/names.h"
#include "common/protocol/keys.h"

enum { BID_VALUES = 5 };

#define TIME_MAX_MS INT64_C(253402300799999)

#define LIVE_TEXT(name, message, type) [LIVE_##name] = (message),
static const char *const names[LIVE_KIND_COUNT] = {LIVE_KINDS(LIVE_TEXT)};

static void write_bid(struct jsonw *writer, const struct live_bid *bid)
{
    jsonw_array(writer);
    jsonw_uuid(writer, &bid->bid_id);
    jsonw_uuid(writer, &bid->bidder_id);
    jsonw_int(writer, bid->amount);
    jsonw_int(writer, bid->at_ms);
    jsonw_int(writer, bid->automatic ? 1 : 0);
    jsonw_end_array(writer);
}

void live_write(struct jsonw *writer, const struct live_update *update)
{
    jsonw_object(writer);
    jsonw_put_string(writer, "k", names[update->kind]);
    jsonw_put_uuid(writer, "a", &update->auction_id);
    jsonw_put_int(writer, "n", update->version);
    jsonw_put_int(writer, "d", update->at_ms);
    if (update->status != RULES_NO_STATUS) {
        jsonw_put_string(writer, "s", rules_status_text(update->status));
    }
    if (update->end_ms != 0) {
        jsonw_put_int(writer, "e", update->end_ms);
    }
    if (update->priced) {
        jsonw_put_int(writer, "b", update->start_ms);
        jsonw_put_int(writer, "m", update->current_bid);
        jsonw_put_int(writer, "l", update->minimum_bid);
        jsonw_put_int(writer, "c", update->bid_count);
        jsonw_put_bool(writer, "r", update->reserve_met);
    }
    if (update->bids > 0) {
        jsonw_name(writer, "i");
        jsonw_array(writer);
        for (size_t i = 0; i < update->bids; i++) {
            write_bid(writer, &update->newest[i]);
        }
        jsonw_end_array(writer);
    }
    jsonw_end_object(writer);
}

void live_publish(struct redis *redis, struct jsonw *writer, const struct live_update *update)
{
    jsonw_reset(writer);
    live_write(writer, update);
    char channel[KEYS_SIZE];
    keys_live_channel(&update->auction_id, channel);
    const char *const arguments[] = {"PUBLISH", channel, jsonw_text(writer, NULL)};
    if (arguments[2] == NULL || !redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("a live update was not published: Redis takes no more");
    }
}

static bool read_id(const struct json *value, struct uuid *out)
{
    return value != NULL && value->type == JSON_STRING && uuid_parse(value->text, value->length, out);
}

static bool read_bid(const struct json *array, struct live_bid *bid)
{
    const struct json *values[BID_VALUES] = {NULL};
    size_t count = 0;
    int64_t automatic = 0;
    for (const struct json *value = array->child; value != NULL && count < BID_VALUES; value = value->next) {
        values[count++] = value;
    }
    if (array->type != JSON_ARRAY || count < BID_VALUES || !read_id(values[0], &bid->bid_id) ||
        !read_id(values[1], &bid->bidder_id) || !json_int(values[2], 0, MONEY_MAX, &bid->amount) ||
        !json_int(values[3], 0, TIME_MAX_MS, &bid->at_ms) || !json_int(values[4], 0, 1, &automatic)) {
        return false;
    }
    bid->automatic = automatic == 1;
    return true;
}

bool live_read_bids(const struct json *array, struct live_bid *bids, size_t *count)
{
    *count = 0;
    if (array == NULL || array->type != JSON_ARRAY) {
        return false;
    }
    for (const struct json *value = array->child; value != NULL; value = value->next) {
        if (*count == LIVE_BIDS_MAX || !read_bid(value, &bids[*count])) {
            return false;
        }
        (*count)++;
    }
    return true;
}

static bool read_kind(const struct json *root, enum live_kind *kind)
{
    const char *text = NULL;
    size_t index = 0;
    if (!json_get_text(root, "k", &text) || !names_find(names, LIVE_KIND_COUNT, text, strlen(text), &index)) {
        return false;
    }
    *kind = (enum live_kind)index;
    return true;
}

static bool read_price(const struct json *root, struct live_update *update)
{
    update->priced = json_member(root, "m") != NULL;
    return !update->priced || (json_get_int(root, "b", 0, TIME_MAX_MS, &update->start_ms) &&
                               json_get_int(root, "m", 0, MONEY_MAX, &update->current_bid) &&
                               json_get_int(root, "l", 0, MONEY_MAX, &update->minimum_bid) &&
                               json_get_int(root, "c", 0, INT64_MAX, &update->bid_count) &&
                               json_get_bool(root, "r", &update->reserve_met));
}

static bool read_update(const struct json *root, struct live_update *update)
{
    const char *status = NULL;
    const struct json *bids = json_member(root, "i");
    if (json_get_text(root, "s", &status) && !rules_status_parse(status, &update->status)) {
        return false;
    }
    return read_kind(root, &update->kind) && json_get_uuid(root, "a", &update->auction_id) &&
           json_get_int(root, "n", 0, INT64_MAX, &update->version) &&
           json_get_int(root, "d", 0, TIME_MAX_MS, &update->at_ms) &&
           (json_member(root, "e") == NULL || json_get_int(root, "e", 0, TIME_MAX_MS, &update->end_ms)) &&
           read_price(root, update) && (bids == NULL || live_read_bids(bids, update->newest, &update->bids));
}

bool live_read(const char *bytes, size_t length, struct live_update *update)
{
    struct json *root = json_parse(bytes, length, NULL);
    *update = (struct live_update){.kind = LIVE_LOOK};
    bool ok = root != NULL && read_update(root, update);
    json_free(root);
    return ok;
}
