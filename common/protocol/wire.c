/*
 * See wire.h.
 */
#include "common/protocol/wire.h"

#include <string.h>

#include "common/base/names.h"

void wire_put_text(struct jsonw *writer, const char *name, const char *text)
{
    if (text[0] != '\0') {
        jsonw_put_string(writer, name, text);
    }
}

void wire_put_uuid(struct jsonw *writer, const char *name, const struct uuid *id)
{
    if (!uuid_is_nil(id)) {
        jsonw_put_uuid(writer, name, id);
    }
}

void wire_put_int(struct jsonw *writer, const char *name, int64_t value)
{
    if (value != 0) {
        jsonw_put_int(writer, name, value);
    }
}

bool wire_uuid(const struct json *object, const char *name, struct uuid *out)
{
    return json_member(object, name) == NULL || json_get_uuid(object, name, out);
}

bool wire_int(const struct json *object, const char *name, int64_t most, int64_t *out)
{
    return json_member(object, name) == NULL || json_get_int(object, name, 0, most, out);
}

bool wire_bool(const struct json *object, const char *name, bool *out)
{
    return json_member(object, name) == NULL || json_get_bool(object, name, out);
}

bool wire_text(const struct json *object, const char *name, char *out, size_t size)
{
    const struct json *member = json_member(object, name);
    if (member == NULL) {
        return true;
    }
    if (member->type != JSON_STRING || member->length >= size) {
        return false;
    }
    memcpy(out, member->text, member->length + 1);
    return true;
}

bool wire_name(const char *const *names, size_t count, const struct json *object, const char *member, size_t *index)
{
    const char *text = NULL;
    return json_get_text(object, member, &text) && names_find(names, count, text, strlen(text), index);
}

const struct json *wire_array(const struct json *root, const char *name, int64_t version, const char **reason)
{
    int64_t found = 0;
    if (!json_get_int(root, "v", version, version, &found)) {
        *reason = "unknown version";
        return NULL;
    }
    const struct json *array = json_member(root, name);
    if (array == NULL || array->type != JSON_ARRAY || array->child == NULL) {
        *reason = "not a message of the expected kind";
        return NULL;
    }
    return array;
}
