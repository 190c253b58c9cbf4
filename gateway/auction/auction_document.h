/*
 * Auctions as a kind of documents (gateway/query/documents.h): an answer to GET of an auction.
 *
 * Callers: components.c (the kind); auctions.c, changes.c, watchlist.c (through struct documents).
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_AUCTION_DOCUMENT_H
#define ROSTRUM_GATEWAY_AUCTION_AUCTION_DOCUMENT_H

#include "gateway/query/documents.h"

extern struct statements auction_document_statements;
extern const struct documents_kind auction_document_kind;

#endif
