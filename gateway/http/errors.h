/*
 * The error codes of the API: HTTP status, code and message of each, in one table. Pure: no I/O, no state.
 *
 * Callers: reply.c, conn_state.c, and all handlers through reply_error.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_ERRORS_H
#define ROSTRUM_GATEWAY_HTTP_ERRORS_H

#include "common/base/base.h"
#include "common/rules/rules.h"
#include "common/rules/sale_words.h"
#include "gateway/http/answer_headers.h"
#include "gateway/http/sentence.h"

/* X(name, HTTP status, code in answers, message). If evhttp sets a status, its first code here is answered. */
#define ERROR_CODES(X)                                                                                                 \
    X(BAD_REQUEST, 400, "BAD_REQUEST", "This is not a valid HTTP request")                                             \
    X(VALIDATION_FAILED, 400, "VALIDATION_FAILED", "Some fields are missing or invalid") /* use reply_field_errors */  \
    X(INVALID_AMOUNT, 400, "INVALID_AMOUNT",                                                                           \
      "An amount must be above 0 and at most 9999999999.99, with at most two decimals")                                \
    X(INVALID_TOKEN, 400, "INVALID_TOKEN", "The link is invalid, has expired, or was used before")                     \
    X(BID_TOO_LOW, 400, "BID_TOO_LOW", "The bid is below the minimum")                                                 \
    X(MAXIMUM_NOT_RAISED, 409, "MAXIMUM_NOT_RAISED", "The new maximum is not above the standing one")                  \
    X(UNAUTHORIZED, 401, "UNAUTHORIZED", "Please log in")                                                              \
    X(INVALID_CREDENTIALS, 401, "INVALID_CREDENTIALS", "Email or password is wrong")                                   \
    X(INVALID_SIGNATURE, 401, "INVALID_SIGNATURE",                                                                     \
      "The signature is missing or wrong, or its time is not the present")                                             \
    X(FORBIDDEN, 403, "FORBIDDEN", "You do not have permission for this request")                                      \
    X(CROSS_ORIGIN, 403, "CROSS_ORIGIN", "Requests from other sites are not accepted")                                 \
    X(OWN_AUCTION, 403, "OWN_AUCTION", "Sellers may not bid on their own auctions")                                    \
    X(USER_BANNED, 403, "USER_BANNED", "This account is banned")                                                       \
    X(EMAIL_UNVERIFIED, 403, "EMAIL_UNVERIFIED", "Please confirm your email address before you bid")                   \
    X(NOT_FOUND, 404, "NOT_FOUND", "There is no such resource")                                                        \
    X(METHOD_NOT_ALLOWED, 405, "METHOD_NOT_ALLOWED",                                                                   \
      "The resource does not support this method; see the header Allow")                                               \
    X(REQUEST_TIMEOUT, 408, "REQUEST_TIMEOUT", "The request was not received in time")                                 \
    X(EMAIL_TAKEN, 409, "EMAIL_TAKEN", "There is an account with this email")                                          \
    X(AUCTION_ENDED, 409, "AUCTION_ENDED", "The auction has ended")                                                    \
    X(AUCTION_NOT_STARTED, 409, "AUCTION_NOT_STARTED", "The auction has not started")                                  \
    X(AUCTION_CANCELLED, 409, "AUCTION_CANCELLED", "The auction was cancelled")                                        \
    X(SALE_NOT_OPEN, 409, "SALE_NOT_OPEN", "The waiting line of the sale is not open yet")                             \
    X(SALE_NOT_STARTED, 409, "SALE_NOT_STARTED", "The sale has not started")                                           \
    X(SALE_ENDED, 409, "SALE_ENDED", "The sale has ended")                                                             \
    X(SALE_CANCELLED, 409, "SALE_CANCELLED", "The sale was cancelled")                                                 \
    X(SOLD_OUT, 409, "SOLD_OUT", "All units of the sale are sold")                                                     \
    X(LIMIT_REACHED, 409, "LIMIT_REACHED", "The units would exceed the limit per user")                                \
    X(NOT_YOUR_TURN, 409, "NOT_YOUR_TURN", "You are waiting; order when it is your turn")                              \
    X(NOT_IN_QUEUE, 409, "NOT_IN_QUEUE", "You have no place in the waiting line")                                      \
    X(CLAIM_EXCEEDED, 409, "CLAIM_EXCEEDED", "Your turn has fewer units")                                              \
    X(TURN_EXPIRED, 409, "TURN_EXPIRED", "Your turn has run out")                                                      \
    X(RESERVATION_EXPIRED, 409, "RESERVATION_EXPIRED", "The reservation has run out")                                  \
    X(ORDER_CLOSED, 409, "ORDER_CLOSED", "The order is not reserved any more")                                         \
    X(PAYMENT_REQUIRED, 409, "PAYMENT_REQUIRED", "The order is confirmed by its payment")                              \
    X(NO_PAYMENT_DUE, 409, "NO_PAYMENT_DUE", "The sale takes no payments")                                             \
    X(WRONG_AMOUNT, 409, "WRONG_AMOUNT", "The payment is not the total price of the order")                            \
    X(INVALID_QUANTITY, 400, "INVALID_QUANTITY", "The quantity must be at least 1")                                    \
    X(SALE_ALREADY_OPEN, 409, "SALE_ALREADY_OPEN", "The sale is open; its terms can no longer be changed")             \
    X(INVALID_TERMS, 409, "INVALID_TERMS", "The terms do not fit together")                                            \
    X(REFUND_DONE, 409, "REFUND_DONE", "The refund was marked as made before")                                         \
    X(ITEM_ALREADY_LISTED, 409, "ITEM_ALREADY_LISTED", "The item is in another open auction")                          \
    X(VERSION_CONFLICT, 409, "VERSION_CONFLICT", "It was changed by another request")                                  \
    X(HAS_BIDS, 409, "HAS_BIDS", "The auction has bids")                                                               \
    X(BUY_NOW_GONE, 409, "BUY_NOW_GONE", "Buy now is not available, or no longer available, for the auction")          \
    X(END_NOT_LATER, 409, "END_NOT_LATER", "The new end is not after the current one")                                 \
    X(NOT_A_DRAFT, 409, "NOT_A_DRAFT", "The auction is not a draft: it was published before")                          \
    X(NO_MAXIMUM, 404, "NOT_FOUND", "There is no standing maximum")                                                    \
    X(TERMS_CHANGED, 409, "TERMS_CHANGED", "The terms of the auction were changed")                                    \
    X(TOO_MANY_IMAGES, 409, "TOO_MANY_IMAGES", "The maximum number of images is reached")                              \
    X(BID_VOIDED, 409, "BID_VOIDED", "The bid was voided before")                                                      \
    X(RETRACT_TOO_LATE, 409, "RETRACT_TOO_LATE", "The bid can no longer be retracted")                                 \
    X(TOO_MANY_BIDS, 409, "TOO_MANY_BIDS", "The auction has too many bids for one to be voided")                       \
    X(TOO_MANY_WEBHOOKS, 409, "TOO_MANY_WEBHOOKS", "The maximum number of webhooks is reached")                        \
    X(WEBHOOK_OFF, 409, "WEBHOOK_OFF", "The webhook is disabled")                                                      \
    X(DELIVERY_PENDING, 409, "DELIVERY_PENDING", "The delivery is still pending")                                      \
    X(LAST_ADMIN, 409, "LAST_ADMIN", "The last admin keeps the role and cannot be banned")                             \
    X(ACCOUNT_IN_USE, 409, "ACCOUNT_IN_USE",                                                                           \
      "The account sells or leads an open auction, or has a place or reserved order in a sale; wait until it is over") \
    X(DEAD_LETTER_UNREADABLE, 409, "DEAD_LETTER_UNREADABLE",                                                           \
      "The message cannot be sent again, because it cannot be decoded")                                                \
    X(BODY_TOO_LARGE, 413, "BODY_TOO_LARGE", "The body is too large")                                                  \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "UNSUPPORTED_MEDIA_TYPE", "The media type of the body is not supported here")       \
    X(EXPECTATION_FAILED, 417, "EXPECTATION_FAILED", "The expectation in the header Expect is not supported")          \
    X(IDEMPOTENCY_KEY_IN_USE, 409, "IDEMPOTENCY_KEY_IN_USE",                                                           \
      "A request with this idempotency key is under way") /* with Retry-After */                                       \
    X(IDEMPOTENCY_KEY_REUSED, 422, "IDEMPOTENCY_KEY_REUSED", "The idempotency key was used for another request")       \
    X(INVALID_IMAGE, 422, "INVALID_IMAGE", "The image cannot be decoded")                                              \
    X(IMAGE_TOO_LARGE, 422, "IMAGE_TOO_LARGE", "The image has too many pixels")                                        \
    X(TOO_MANY_SUBSCRIPTIONS, 409, "TOO_MANY_SUBSCRIPTIONS",                                                           \
      "The connection has the maximum number of subscriptions") /* per WebSocket */                                    \
    X(UPGRADE_REQUIRED, 426, "UPGRADE_REQUIRED", "This resource requires a WebSocket upgrade (version 13)")            \
    X(RATE_LIMITED, 429, "RATE_LIMITED", "Too many requests")                                                          \
    X(HEADERS_TOO_LARGE, 431, "HEADERS_TOO_LARGE", "The request's headers are too large")                              \
    X(INTERNAL_ERROR, 500, "INTERNAL_ERROR", "An internal error occurred")                                             \
    X(NOT_IMPLEMENTED, 501, "NOT_IMPLEMENTED", "The HTTP method is unknown")                                           \
    X(UNAVAILABLE, 503, "UNAVAILABLE",                                                                                 \
      "The service is temporarily unavailable, please try again") /* with Retry-After */                               \
    X(MAIL_OFF, 503, "MAIL_OFF", "No mail is sent here")                                                               \
    X(PAYMENTS_OFF, 503, "PAYMENTS_OFF", "Callbacks of payments are not set up") /* likewise */

/*
 * X(name, sentence): sentences of errors that have parameters. The first one whose parameters are all known is
 * answered, else the message above. openapi.yaml repeats both tables as `x-error-codes`; openapi_test.py compares.
 */
#define ERROR_SENTENCES(X)                                                                                             \
    X(BID_TOO_LOW, "The bid must be at least {minimumBid}; the current bid is {currentBid}")                           \
    X(BID_TOO_LOW, "The bid must be at least {minimumBid}; there is no bid yet")                                       \
    X(INVALID_AMOUNT, "{field} must be above 0 and at most {max}, with at most two decimals")                          \
    X(AUCTION_ENDED, "The auction ended at {endTime}")                                                                 \
    X(AUCTION_NOT_STARTED, "The auction starts at {startTime}")                                                        \
    X(RATE_LIMITED, "At most {limit} per {window}; try again in {retryAfter} s")                                       \
    X(RATE_LIMITED, "Too many requests at once; try again in {retryAfter} s")                                          \
    X(SALE_NOT_OPEN, "The waiting line of the sale opens at {joinTime}")                                               \
    X(SALE_NOT_STARTED, "The sale starts at {startTime}")                                                              \
    X(TOO_MANY_IMAGES, "There are at most {max} images")                                                               \
    X(TOO_MANY_WEBHOOKS, "There are at most {max} webhooks")                                                           \
    X(BODY_TOO_LARGE, "The body must have at most {max} bytes")                                                        \
    X(HEADERS_TOO_LARGE, "The request's headers must have at most {max} bytes")                                        \
    X(REQUEST_TIMEOUT, "The request was not received within {max} ms")                                                 \
    X(IMAGE_TOO_LARGE, "The image must have at most {max} pixels")                                                     \
    X(VERSION_CONFLICT, "It was changed by another request; its version is {version}")                                 \
    X(END_NOT_LATER, "The new end must be after {endTime}")                                                            \
    X(RETRACT_TOO_LATE, "The bid could be retracted until {until}")                                                    \
    X(TOO_MANY_BIDS, "No bid can be voided in an auction with more than {max} ledger entries")                         \
    X(TOO_MANY_SUBSCRIPTIONS, "A connection has at most {max} subscriptions")

enum error_code {
#define ERROR_ENUMERATOR(name, status, code, message) ERROR_##name,
    ERROR_CODES(ERROR_ENUMERATOR)
#undef ERROR_ENUMERATOR
        ERROR_COUNT
};

struct error_entry {
    int status;
    const char *code;    /* "VALIDATION_FAILED" */
    const char *message; /* for people */
};
const struct error_entry *errors_entry(enum error_code code);
/* The sentence of an error: with its parameters, if there is one, in `out`, or its message. */
const char *errors_sentence(enum error_code code, const struct parameter *parameters, size_t count,
                            char out[static SENTENCE_SIZE]);
/* The error code of a rejection's reason; ERROR_INTERNAL_ERROR for none. */
enum error_code errors_of_reason(enum rules_reason reason);
enum error_code errors_of_sale_reason(enum sale_reason reason);

/* The generic error code of a status that evhttp has set. */
enum error_code errors_of_status(int status);
/* The reason phrase of a status; NULL: evhttp's own phrase is used. */
const char *errors_phrase(int status);
enum { ERRORS_RAW_SIZE = ANSWER_HEADERS_SIZE + 512 };
/*
 * Writes a complete HTTP answer with "Connection: close" and the JSON body, for connections without a request. Returns
 * its length in bytes. `max` is the parameter of this name; 0: the error has none.
 */
size_t errors_raw(enum error_code code, int64_t max, const struct answer_headers *headers,
                  char out[static ERRORS_RAW_SIZE]);

#endif
