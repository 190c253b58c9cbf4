/* See ban_leaves.h. */
#include "gateway/admin/ban_leaves.h"

#include <string.h>

#include "common/base/json.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/topology.h"

static bool add_leave(struct ban_leaves *leaves, const struct deployment *deployment, const struct request *request,
                      const struct uuid *sale, struct jsonw *json)
{
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    struct sale_message_command message = {
        .command = {.kind = SALE_COMMAND_LEAVE,
                    .id = uuid_new(),
                    .user_id = request->parameters[0],
                    .received_ms = request->received_ms},
        .sale_id = *sale,
    };
    memcpy(message.request_id, request->id, sizeof(message.request_id));
    memcpy(message.traceparent, request->traceparent, sizeof(message.traceparent));
    jsonw_reset(json);
    sale_message_write_commands(json, &message, 1);
    const char *body = jsonw_text(json, NULL);
    if (body == NULL) {
        return false;
    }
    topology_exchange(&topology_sales, sale, deployment->facts.shards, exchange);
    topology_key(&topology_sales, sale, deployment->facts.shards, key);
    pg_array_text_add(&leaves->exchanges, exchange);
    pg_array_text_add(&leaves->keys, key);
    pg_array_text_add(&leaves->bodies, body);
    return true;
}

bool ban_leaves_make(struct ban_leaves *leaves, const struct deployment *deployment, const struct request *request,
                     const PGresult *sales, const char *values[static BAN_LEAVES_VALUES])
{
    struct jsonw *json = jsonw_new();
    bool ok = json != NULL;
    pg_array_reset(&leaves->exchanges);
    pg_array_reset(&leaves->keys);
    pg_array_reset(&leaves->bodies);
    for (int row = 0; ok && row < PQntuples(sales); row++) {
        struct uuid sale = pg_uuid(sales, row, 0);
        ok = add_leave(leaves, deployment, request, &sale, json);
    }
    values[0] = pg_array_done(&leaves->exchanges);
    values[1] = pg_array_done(&leaves->keys);
    values[2] = pg_array_done(&leaves->bodies);
    if (json != NULL) {
        jsonw_free(json);
    }
    return ok && values[0] != NULL && values[1] != NULL && values[2] != NULL;
}

void ban_leaves_free(struct ban_leaves *leaves)
{
    pg_array_free(&leaves->exchanges);
    pg_array_free(&leaves->keys);
    pg_array_free(&leaves->bodies);
}
