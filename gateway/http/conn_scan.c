/*
 * See conn_scan.h.
 */
#include "gateway/http/conn_scan.h"

enum { PEEK_CHAINS = 4 }; /* pieces of a buffer that are scanned at a time */

void conn_scan_bytes(struct conn *conn, struct evbuffer *buffer)
{
    struct evbuffer_iovec pieces[PEEK_CHAINS];
    struct evbuffer_ptr from;
    size_t taken = 1;
    while (conn->unscanned > 0 && taken > 0) {
        taken = 0;
        if (evbuffer_ptr_set(buffer, &from, evbuffer_get_length(buffer) - conn->unscanned, EVBUFFER_PTR_SET) != 0) {
            conn->scanner.error = ERROR_INTERNAL_ERROR;
            return;
        }
        int count = evbuffer_peek(buffer, -1, &from, pieces, PEEK_CHAINS);
        for (int i = 0; i < count && i < PEEK_CHAINS; i++) {
            taken += scanner_read(&conn->scanner, pieces[i].iov_base, pieces[i].iov_len);
        }
        conn->unscanned -= taken;
    }
}
