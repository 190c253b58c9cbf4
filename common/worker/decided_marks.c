/*
 * See decided_marks.h.
 */
#include "common/worker/decided_marks.h"

/*
 * KEYS[1]: the entry of a command with an idempotency key. It keeps its JSON and its expiry of a day. If Redis lost it,
 * it is not created again, because an entry without the JSON would be wrong.
 */
const struct redis_script decided_marks_script = {
    .name = "decided",
    .body = "if redis.call('EXISTS', KEYS[1]) == 1 then\n"
            "  redis.call('SETRANGE', KEYS[1], 0, 'd')\n"
            "end\n"
            "return 1\n",
};

bool decided_marks_flush(struct decided_marks *marks)
{
    const char *arguments[REDIS_ARGUMENTS_MAX] = {"UNLINK"};
    for (int i = 0; i < marks->count; i++) {
        arguments[1 + i] = marks->keys[i];
    }
    bool ok = marks->count == 0 || redis_command(marks->redis, NULL, NULL, 1 + marks->count, arguments, NULL);
    marks->count = 0;
    return ok;
}

bool decided_marks_add(struct decided_marks *marks, const struct uuid *user, const struct uuid *id, bool keyed)
{
    char key[KEYS_SIZE];
    const char *const keys[] = {key};
    if (keyed) {
        keys_bid(user, id, key);
        return redis_call(marks->redis, marks->script, NULL, NULL, 1, ARRAY_LEN(keys), keys, NULL);
    }
    if (marks->count == (int)ARRAY_LEN(marks->keys) && !decided_marks_flush(marks)) {
        return false;
    }
    keys_bid(user, id, marks->keys[marks->count++]);
    return true;
}
