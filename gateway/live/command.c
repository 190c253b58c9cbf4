/*
 * See command.h.
 */
#include "gateway/live/command.h"

#include <string.h>

#include "common/base/clock.h"
#include "gateway/http/http_metrics.h"
#include "gateway/live/live.h"

struct client *client_of(struct websocket *websocket)
{
    return (struct client *)websocket;
}

struct jsonw *command_answer(struct websocket *websocket, const char *type, const char *id)
{
    struct jsonw *json = websocket->live->json;
    jsonw_reset(json);
    jsonw_object(json);
    if (id[0] != '\0') {
        jsonw_name(json, "id");
        jsonw_raw(json, id, strlen(id));
    }
    jsonw_put_string(json, "type", type);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    return json;
}

void command_send(struct websocket *websocket)
{
    size_t length = 0;
    jsonw_end_object(websocket->live->json);
    const char *text = jsonw_text(websocket->live->json, &length);
    websocket_send_frame(websocket, text == NULL ? NULL : frame_websocket(WSLAY_TEXT_FRAME, text, length));
}

struct jsonw *command_error_begin(struct websocket *websocket, enum error_code code, const char *id)
{
    const struct error_entry *entry = errors_entry(code);
    struct jsonw *json = command_answer(websocket, "error", id);
    http_metrics_refused(code);
    jsonw_put_string(json, "error", entry->code);
    jsonw_put_string(json, "message", entry->message);
    return json;
}

void command_error(struct websocket *websocket, enum error_code code, const char *id, const struct uuid *auction)
{
    struct jsonw *json = command_error_begin(websocket, code, id);
    if (auction != NULL) {
        jsonw_put_uuid(json, "auctionId", auction);
    }
    command_send(websocket);
}

void command_field_error(struct websocket *websocket, const char *id, const char *field, const char *message)
{
    struct jsonw *json = command_error_begin(websocket, ERROR_VALIDATION_FAILED, id);
    jsonw_name(json, "fields");
    jsonw_array(json);
    jsonw_object(json);
    jsonw_put_string(json, "field", field);
    jsonw_put_string(json, "message", message);
    jsonw_end_object(json);
    jsonw_end_array(json);
    command_send(websocket);
}

bool command_read_auction(struct websocket *websocket, const struct client_message *command, struct uuid *auction)
{
    const struct json *member = json_member(command->tree, "auctionId");
    if (member == NULL || member->type != JSON_STRING) {
        command_field_error(websocket, command->id, "auctionId", "is required");
        return false;
    }
    if (!uuid_parse(member->text, member->length, auction)) {
        command_error(websocket, ERROR_NOT_FOUND, command->id, NULL);
        return false;
    }
    return true;
}
