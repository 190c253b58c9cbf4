/*
 * See wire.h.
 */
#include "common/protocol/wire.h"

#include <assert.h>
#include <string.h>

#include "common/base/names.h"

static void write_word(struct jsonw *writer, const struct wire_member *member, const void *value)
{
    unsigned word = 0;
    assert(member->size == sizeof word);
    memcpy(&word, value, sizeof word);
    assert(word < member->word_count);
    if (member->presence == WIRE_ALWAYS || word != 0) {
        jsonw_put_string(writer, member->name, member->words[word]);
    }
}

static void write_member(struct jsonw *writer, const struct wire_member *member, const void *value)
{
    bool always = member->presence == WIRE_ALWAYS;
    const int64_t *number = value;
    const bool *truth = value;
    const char *text = value;
    switch (member->type) {
    case WIRE_INT:
        if (always || *number != 0) {
            jsonw_put_int(writer, member->name, *number);
        }
        return;
    case WIRE_UUID:
        if (always || !uuid_is_nil(value)) {
            jsonw_put_uuid(writer, member->name, value);
        }
        return;
    case WIRE_BOOL:
        if (always || *truth) {
            jsonw_put_bool(writer, member->name, *truth);
        }
        return;
    case WIRE_TEXT:
        if (always || text[0] != '\0') {
            jsonw_put_string(writer, member->name, text);
        }
        return;
    case WIRE_WORD:
        write_word(writer, member, value);
        return;
    }
}

void wire_write_members(struct jsonw *writer, const struct wire_table *table, const void *item)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct wire_member *member = &table->members[i];
        write_member(writer, member, (const char *)item + member->offset);
    }
}

static bool read_text(const struct wire_member *member, const struct json *json, char *text)
{
    bool fits = json->type == JSON_STRING && json->length < member->size;
    if (fits) {
        memcpy(text, json->text, json->length + 1);
    }
    return fits;
}

static bool read_word(const struct wire_member *member, const struct json *json, void *value)
{
    size_t index = 0;
    if (json->type != JSON_STRING || !names_find(member->words, member->word_count, json->text, json->length, &index)) {
        return false;
    }
    unsigned word = (unsigned)index;
    memcpy(value, &word, sizeof word);
    return true;
}

static bool read_member(const struct json *object, const struct wire_member *member, void *value)
{
    const struct json *json = json_member(object, member->name);
    if (json == NULL) {
        return member->presence == WIRE_OPTIONAL;
    }
    switch (member->type) {
    case WIRE_INT:
        return json_int(json, 0, member->most, value);
    case WIRE_UUID:
        return json->type == JSON_STRING && uuid_parse(json->text, json->length, value);
    case WIRE_BOOL:
        *(bool *)value = json->truth;
        return json->type == JSON_BOOL;
    case WIRE_TEXT:
        return read_text(member, json, value);
    case WIRE_WORD:
        return read_word(member, json, value);
    }
    return false;
}

const char *wire_read_members(const struct json *object, const struct wire_table *table, void *item)
{
    const char *reason = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct wire_member *member = &table->members[i];
        if (!read_member(object, member, (char *)item + member->offset) && reason == NULL) {
            reason = member->malformed;
        }
    }
    return reason;
}

void wire_write_object(struct jsonw *writer, int64_t version, const struct wire_table *table, const void *item)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", version);
    wire_write_members(writer, table, item);
    jsonw_end_object(writer);
}

bool wire_read_object(const void *bytes, size_t length, int64_t version, const struct wire_table *table, void *item)
{
    struct json *root = json_parse(bytes, length, NULL);
    int64_t found = 0;
    bool ok = json_get_int(root, "v", version, version, &found) && wire_read_members(root, table, item) == NULL;
    json_free(root);
    return ok;
}

void wire_write_list(struct jsonw *writer, const char *name, int64_t version, const struct wire_table *table,
                     const void *items, size_t size, size_t count)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", version);
    jsonw_name(writer, name);
    jsonw_array(writer);
    for (size_t i = 0; i < count; i++) {
        jsonw_object(writer);
        wire_write_members(writer, table, (const char *)items + i * size);
        jsonw_end_object(writer);
    }
    jsonw_end_array(writer);
    jsonw_end_object(writer);
}

static const struct json *find_list(const struct json *root, const char *name)
{
    const struct json *list = json_member(root, name);
    return list == NULL || list->type != JSON_ARRAY ? NULL : list->child;
}

/* The reason why the message is invalid, or NULL. */
static const char *read_list(const struct json *root, const char *name, int64_t newest,
                             const char *(*read)(const struct json *object, void *items, size_t index), void *items,
                             size_t items_max, size_t *count)
{
    int64_t found = 0;
    const char *reason = NULL;
    const struct json *object = find_list(root, name);
    if (!json_get_int(root, "v", 1, newest, &found)) {
        return "unknown version: this program may be too old";
    }
    if (object == NULL) {
        return "not a message of the expected kind";
    }
    for (; object != NULL && reason == NULL; object = object->next) {
        reason = *count == items_max ? "too many objects in the message" : read(object, items, (*count)++);
    }
    return reason;
}

bool wire_read_list(const void *bytes, size_t length, const char *name, int64_t newest,
                    const char *(*read)(const struct json *object, void *items, size_t index), void *items,
                    size_t items_max, size_t *count, const char **reason)
{
    *count = 0;
    struct json *root = json_parse(bytes, length, reason);
    if (root == NULL) {
        return false;
    }
    const char *invalid = read_list(root, name, newest, read, items, items_max, count);
    json_free(root);
    if (invalid != NULL) {
        *reason = invalid;
        *count = 0;
    }
    return invalid == NULL;
}

bool wire_first_uuid(const struct json *root, const char *name, const char *member, struct uuid *id)
{
    return json_get_uuid(find_list(root, name), member, id);
}
