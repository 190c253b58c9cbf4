/*
 * See key_header.h.
 */
#include "gateway/access/key_header.h"

#include <string.h>

#include "gateway/http/reply.h"

static const char *const names[] = {"Idempotency-Key", "X-Idempotency-Key"}; /* field errors name the first one */

/* False after adding a field error. */
static bool read_headers(const struct request *request, char key[static IDEMPOTENCY_KEY_SIZE],
                         struct field_errors *field_errors)
{
    char other[IDEMPOTENCY_KEY_SIZE] = "";
    const char *value = NULL;
    key[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t j = 0; (value = request_header_at(request, names[i], j)) != NULL; j++) {
            if (!idempotency_key_read(value, other)) {
                field_errors_add_two(field_errors, names[0], FIELD_INVALID_KEY, parameter_number("min", 1),
                                     parameter_number("max", IDEMPOTENCY_KEY_MAX));
                return false;
            }
            if (key[0] != '\0' && strcmp(key, other) != 0) {
                field_errors_add(field_errors, names[0], FIELD_DIFFERENT_KEYS);
                return false;
            }
            memcpy(key, other, sizeof(other));
        }
    }
    return true;
}

bool key_header_read(struct request *request, char key[static IDEMPOTENCY_KEY_SIZE])
{
    struct field_errors field_errors = {.count = 0};
    bool ok = read_headers(request, key, &field_errors);
    if (!ok) {
        reply_field_errors(request, &field_errors);
    }
    return ok;
}
