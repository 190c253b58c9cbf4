/*
 * The error codes of the API: HTTP status, code and message of each, in one table. Pure: no I/O, no state.
 *
 * Callers: reply.c, conn.c, and all handlers through reply_error.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_ERRORS_H
#define ROSTRUM_GATEWAY_HTTP_ERRORS_H

#include "common/base/base.h"
#include "common/rules/rules.h"

enum error_code {
    ERROR_BAD_REQUEST,            /* 400: violates HTTP */
    ERROR_VALIDATION_FAILED,      /* 400, use reply_field_errors */
    ERROR_INVALID_AMOUNT,         /* 400 */
    ERROR_INVALID_TOKEN,          /* 400 */
    ERROR_BID_TOO_LOW,            /* 400 */
    ERROR_MAXIMUM_NOT_RAISED,     /* 409 */
    ERROR_UNAUTHORIZED,           /* 401 */
    ERROR_INVALID_CREDENTIALS,    /* 401 */
    ERROR_FORBIDDEN,              /* 403 */
    ERROR_CROSS_ORIGIN,           /* 403 */
    ERROR_OWN_AUCTION,            /* 403 */
    ERROR_USER_BANNED,            /* 403 */
    ERROR_EMAIL_UNVERIFIED,       /* 403 */
    ERROR_NOT_FOUND,              /* 404 */
    ERROR_METHOD_NOT_ALLOWED,     /* 405 */
    ERROR_REQUEST_TIMEOUT,        /* 408 */
    ERROR_EMAIL_TAKEN,            /* 409 */
    ERROR_AUCTION_ENDED,          /* 409 */
    ERROR_AUCTION_NOT_STARTED,    /* 409 */
    ERROR_AUCTION_CANCELLED,      /* 409 */
    ERROR_ITEM_ALREADY_LISTED,    /* 409 */
    ERROR_VERSION_CONFLICT,       /* 409 */
    ERROR_HAS_BIDS,               /* 409 */
    ERROR_BUY_NOW_GONE,           /* 409 */
    ERROR_END_NOT_LATER,          /* 409 */
    ERROR_NOT_A_DRAFT,            /* 409 */
    ERROR_NO_MAXIMUM,             /* 404 */
    ERROR_TERMS_CHANGED,          /* 409 */
    ERROR_TOO_MANY_IMAGES,        /* 409 */
    ERROR_BID_VOIDED,             /* 409 */
    ERROR_RETRACT_TOO_LATE,       /* 409 */
    ERROR_TOO_MANY_BIDS,          /* 409 */
    ERROR_TOO_MANY_WEBHOOKS,      /* 409 */
    ERROR_WEBHOOK_OFF,            /* 409 */
    ERROR_DELIVERY_PENDING,       /* 409 */
    ERROR_LAST_ADMIN,             /* 409 */
    ERROR_DEAD_LETTER_UNREADABLE, /* 409 */
    ERROR_BODY_TOO_LARGE,         /* 413 */
    ERROR_UNSUPPORTED_MEDIA_TYPE, /* 415 */
    ERROR_EXPECTATION_FAILED,     /* 417 */
    ERROR_IDEMPOTENCY_KEY_IN_USE, /* 409, with Retry-After */
    ERROR_IDEMPOTENCY_KEY_REUSED, /* 422 */
    ERROR_INVALID_IMAGE,          /* 422 */
    ERROR_IMAGE_TOO_LARGE,        /* 422: too many pixels, not bytes */
    ERROR_TOO_MANY_SUBSCRIPTIONS, /* 409: per WebSocket */
    ERROR_UPGRADE_REQUIRED,       /* 426: not a WebSocket upgrade, or of another version */
    ERROR_RATE_LIMITED,           /* 429 */
    ERROR_HEADERS_TOO_LARGE,      /* 431 */
    ERROR_INTERNAL_ERROR,         /* 500 */
    ERROR_NOT_IMPLEMENTED,        /* 501: unknown HTTP method */
    ERROR_UNAVAILABLE,            /* 503, with Retry-After */
    ERROR_COUNT
};

struct error_entry {
    int status;
    const char *code;    /* "VALIDATION_FAILED" */
    const char *message; /* for people */
};
const struct error_entry *errors_entry(enum error_code code);
/* The error code of a rejection's reason; ERROR_INTERNAL_ERROR for RULES_NONE. */
enum error_code errors_of_reason(enum rules_reason reason);

/* The generic error code of a status that evhttp has set. */
enum error_code errors_of_status(int status);
/* The reason phrase of a status; NULL: evhttp's own phrase is used. */
const char *errors_phrase(int status);
/*
 * Writes a complete HTTP answer with "Connection: close" and the JSON body, for connections without a request. Returns
 * its length in bytes. `size` must be at least 512.
 */
size_t errors_raw(enum error_code code, char *out, size_t size);

#endif
