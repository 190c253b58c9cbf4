/*
 * See family.h.
 */
#include "gateway/submit/family.h"

bool submit_find(struct pg *pg, const struct statements *of, size_t statement, const struct submit_ids *ids,
                 size_t count, pg_callback callback, void *arg)
{
    struct pg_array subjects = {0};
    struct pg_array commands = {0};
    pg_array_reset(&subjects);
    pg_array_reset(&commands);
    for (size_t i = 0; i < count; i++) {
        pg_array_uuid(&subjects, &ids[i].subject);
        pg_array_uuid(&commands, &ids[i].id);
    }
    const char *const values[] = {pg_array_done(&subjects), pg_array_done(&commands)};
    bool asked = values[0] != NULL && values[1] != NULL &&
                 statements_query(pg, of, statement, ARRAY_LEN(values), values, callback, arg);
    pg_array_free(&subjects);
    pg_array_free(&commands);
    return asked;
}
