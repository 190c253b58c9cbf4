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

static struct jsonw *begin_error(struct websocket *websocket, enum error_code code, const char *id,
                                 const struct parameter *parameters, size_t count)
{
    char sentence[SENTENCE_SIZE];
    struct jsonw *json = command_answer(websocket, "error", id);
    http_metrics_refused(code);
    jsonw_put_string(json, "error", errors_entry(code)->code);
    jsonw_put_string(json, "message", errors_sentence(code, parameters, count, sentence));
    sentence_put_parameters(json, parameters, count);
    return json;
}

struct jsonw *command_error_begin(struct websocket *websocket, enum error_code code, const char *id)
{
    return begin_error(websocket, code, id, NULL, 0);
}

void command_error_about(struct websocket *websocket, enum error_code code, const char *id, const char *member,
                         const struct uuid *about)
{
    struct jsonw *json = command_error_begin(websocket, code, id);
    jsonw_put_uuid(json, member, about);
    command_send(websocket);
}

void command_error_with_about(struct websocket *websocket, enum error_code code, const char *id, const char *member,
                              const struct uuid *about, struct parameter parameter)
{
    struct jsonw *json = begin_error(websocket, code, id, &parameter, 1);
    if (about != NULL) {
        jsonw_put_uuid(json, member, about);
    }
    command_send(websocket);
}

void command_error(struct websocket *websocket, enum error_code code, const char *id, const struct uuid *auction)
{
    if (auction != NULL) {
        command_error_about(websocket, code, id, "auctionId", auction);
        return;
    }
    (void)command_error_begin(websocket, code, id);
    command_send(websocket);
}

static void send_field_errors(struct websocket *websocket, const char *id, const struct field_errors *field_errors)
{
    field_errors_put(command_error_begin(websocket, ERROR_VALIDATION_FAILED, id), field_errors);
    command_send(websocket);
}

void command_field_error(struct websocket *websocket, const char *id, const char *field, enum field_code code)
{
    struct field_errors field_errors = {.count = 0};
    field_errors_add(&field_errors, field, code);
    send_field_errors(websocket, id, &field_errors);
}

void command_field_error_with(struct websocket *websocket, const char *id, const char *field, enum field_code code,
                              struct parameter parameter)
{
    struct field_errors field_errors = {.count = 0};
    field_errors_add_one(&field_errors, field, code, parameter);
    send_field_errors(websocket, id, &field_errors);
}

const struct json *command_read_text(struct websocket *websocket, const struct client_message *command,
                                     const char *name)
{
    const struct json *member = json_member(command->tree, name);
    if (member == NULL || member->type == JSON_NULL) {
        command_field_error(websocket, command->id, name, FIELD_REQUIRED);
        return NULL;
    }
    if (member->type != JSON_STRING) {
        command_field_error(websocket, command->id, name, FIELD_NOT_A_STRING);
        return NULL;
    }
    return member;
}

bool command_read_id(struct websocket *websocket, const struct client_message *command, const char *name,
                     struct uuid *id)
{
    const struct json *member = command_read_text(websocket, command, name);
    if (member == NULL) {
        return false;
    }
    if (!uuid_parse(member->text, member->length, id) || uuid_is_nil(id)) {
        command_error(websocket, ERROR_NOT_FOUND, command->id, NULL);
        return false;
    }
    return true;
}
