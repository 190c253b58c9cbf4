/*
 * Bids and other commands to auctions, as gateway/submit publishes them. Callers: components.c.
 */
#ifndef ROSTRUM_GATEWAY_BID_BID_FAMILY_H
#define ROSTRUM_GATEWAY_BID_BID_FAMILY_H

#include "gateway/submit/family.h"

extern const struct submit_family bid_family;

#endif
