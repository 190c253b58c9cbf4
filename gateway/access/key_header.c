/*
 * See key_header.h.
 */
#include "gateway/access/key_header.h"

#include <string.h>

#include "gateway/http/reply.h"

static const char *const names[] = {"Idempotency-Key", "X-Idempotency-Key"}; /* field errors name the first one */

/* Returns NULL, or what is wrong. */
static const char *read_headers(const struct request *request, char key[static IDEMPOTENCY_KEY_SIZE])
{
    char other[IDEMPOTENCY_KEY_SIZE] = "";
    const char *value = NULL;
    key[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t j = 0; (value = request_header_at(request, names[i], j)) != NULL; j++) {
            if (!idempotency_key_read(value, other)) {
                return "must have 1 to 64 characters, bare or as a quoted string";
            }
            if (key[0] != '\0' && strcmp(key, other) != 0) {
                return "was sent twice, with different values";
            }
            memcpy(key, other, sizeof(other));
        }
    }
    return NULL;
}

bool key_header_read(struct request *request, char key[static IDEMPOTENCY_KEY_SIZE])
{
    const char *error = read_headers(request, key);
    if (error != NULL) {
        struct field_errors field_errors = {0};
        field_errors_add(&field_errors, names[0], error);
        reply_field_errors(request, &field_errors);
    }
    return error == NULL;
}
