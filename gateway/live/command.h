/*
 * The client of a WebSocket, a parsed command, and the answers to commands. Callers: commands.c, subscriptions.c,
 * routed_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_COMMAND_H
#define ROSTRUM_GATEWAY_LIVE_COMMAND_H

#include <sys/queue.h>

#include "common/base/ids.h"
#include "common/base/json.h"
#include "gateway/http/errors.h"
#include "gateway/http/field_errors.h"
#include "gateway/live/presence.h"
#include "gateway/live/websocket.h"

enum {
    COMMAND_ID_MAX = 64, /* bytes of an "id" as JSON */
    COMMAND_ID_SIZE = COMMAND_ID_MAX + 1,
};

/* The client of a WebSocket. */
struct client {
    struct websocket websocket; /* first: a client is cast from it */
    TAILQ_HEAD(, subscription) subscriptions;
    size_t subscription_count;
    /* Sends a message about an auction or sale to the user alone, after the answer that it must not precede. */
    void (*notify)(struct websocket *websocket, const struct uuid *about, struct text *text);
    struct presence presence;                     /* not entered for a guest */
    struct auth_check *auth_check;                /* the running check of credentials; NULL: none */
    TAILQ_HEAD(, routed_command) routed_commands; /* without an answer or a decision */
};

/* A parsed message of the client. */
struct client_message {
    const struct json *tree;
    const char *id; /* as JSON; "": none */
};

struct client *client_of(struct websocket *websocket);

/*
 * Begins an answer of this type, whose members the caller adds before command_send. It repeats `id`, the id of the
 * command as JSON; "": none.
 */
struct jsonw *command_answer(struct websocket *websocket, const char *type, const char *id);
/* Begins an error, likewise. */
struct jsonw *command_error_begin(struct websocket *websocket, enum error_code code, const char *id);
void command_send(struct websocket *websocket);
/* Sends an error. `auction` may be NULL. */
void command_error(struct websocket *websocket, enum error_code code, const char *id, const struct uuid *auction);
/* The same with another name of the id: `member`. */
void command_error_about(struct websocket *websocket, enum error_code code, const char *id, const char *member,
                         const struct uuid *about);
/* The same for an error with a parameter. `about` may be NULL. */
void command_error_with_about(struct websocket *websocket, enum error_code code, const char *id, const char *member,
                              const struct uuid *about, struct parameter parameter);
/* Sends an error in one field, of a code without parameters. */
void command_field_error(struct websocket *websocket, const char *id, const char *field, enum field_code code);
/* The same for a code with one parameter. */
void command_field_error_with(struct websocket *websocket, const char *id, const char *field, enum field_code code,
                              struct parameter parameter);
/* A member that must be a string. NULL after answering: it is missing or has another type. */
MUST_CHECK const struct json *command_read_text(struct websocket *websocket, const struct client_message *command,
                                                const char *name);
/*
 * Reads the id of an auction or a sale. False after answering: the member is missing or malformed. A malformed id
 * names nothing: as in a path it is unknown.
 */
MUST_CHECK bool command_read_id(struct websocket *websocket, const struct client_message *command, const char *name,
                                struct uuid *id);

#endif
