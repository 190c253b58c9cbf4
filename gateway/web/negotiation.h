/*
 * What a request for a page accepts: content codings (RFC 9110, 12.5.3), and whether it wants HTML. Pure.
 *
 * Caller: pages.c.
 */
#ifndef ROSTRUM_GATEWAY_WEB_NEGOTIATION_H
#define ROSTRUM_GATEWAY_WEB_NEGOTIATION_H

#include "common/base/base.h"

/* The best one first: among equal weights it is chosen. */
enum coding {
    CODING_BR,
    CODING_GZIP,
    CODING_IDENTITY, /* every file has it */
    CODING_COUNT
};

/* The name in Accept-Encoding. */
const char *coding_name(enum coding coding);
/*
 * Chooses among the codings in `available` (bit 1 << coding) by the value of Accept-Encoding, "" if there is none. It
 * is CODING_IDENTITY if nothing else is accepted, even if the client refuses that: RFC 9110 permits it, and an error
 * would help nobody.
 */
enum coding coding_choose(const char *accept, unsigned available);
/* Whether the value of Accept, "" if there is none, includes text/html. */
MUST_CHECK bool accepts_html(const char *accept);

#endif
