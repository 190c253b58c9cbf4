/*
 * See sale_verify.h.
 */
#include "deploy/ctl/sale_verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/io/pg.h"
#include "deploy/ctl/sale_rows.h"
#include "deploy/ctl/stream.h"

enum { SALE_ID_COLUMN = 0 /* of all queries */ };

/* The rows of a sale, in the order in which they are read. */
enum table { ENTRIES, PLACES, ORDERS, BLOCKS, TABLES };

struct sale_verifier {
    struct stream sales;
    struct stream rows[TABLES];
    struct sale_replay replay;
    struct sale_rows compared;
    struct sale_verify_result *result;
};

static void take_entry(struct sale_verifier *verifier, const PGresult *page, int row)
{
    sale_replay_entry(&verifier->replay, page, row);
    verifier->result->entries++;
}

static void take_place(struct sale_verifier *verifier, const PGresult *page, int row)
{
    sale_rows_place(&verifier->compared, page, row);
}

static void take_order(struct sale_verifier *verifier, const PGresult *page, int row)
{
    sale_rows_order(&verifier->compared, page, row);
}

static void take_block(struct sale_verifier *verifier, const PGresult *page, int row)
{
    sale_rows_block(&verifier->compared, page, row);
}

static const struct {
    const struct stream_query *query;
    void (*take)(struct sale_verifier *verifier, const PGresult *page, int row);
    const char *what;                                /* of a row without a sale */
    bool (*rejected)(const PGresult *page, int row); /* whether such a row is in order; NULL: never */
} KINDS[TABLES] = {
    [ENTRIES] = {&SALE_REPLAY_ENTRIES, take_entry, "an entry of its ledger", sale_replay_rejected},
    [PLACES] = {&SALE_ROWS_PLACES, take_place, "a place in its line", NULL},
    [ORDERS] = {&SALE_ROWS_ORDERS, take_order, "an order", sale_rows_order_rejected},
    [BLOCKS] = {&SALE_ROWS_BLOCKS, take_block, "a block of its line", NULL},
};

/* Reports rows before the next sale, or all remaining ones if there is none: their sales do not exist. */
static void take_orphans(struct sale_verifier *verifier, enum table table, const struct uuid *next)
{
    struct stream *rows = &verifier->rows[table];
    struct differences found = {.of = "sale"};
    while (stream_here(rows)) {
        struct uuid id = pg_uuid(rows->page, rows->row, SALE_ID_COLUMN);
        if (next != NULL && uuid_compare(&id, next) >= 0) {
            break;
        }
        found.id = id;
        if (KINDS[table].rejected == NULL || !KINDS[table].rejected(rows->page, rows->row)) {
            differ(&found, 0, "the sale does not exist, but %s does", KINDS[table].what);
        }
        verifier->result->entries += table == ENTRIES;
        rows->row++;
    }
    differences_end(&found, "");
    verifier->result->differences += found.count;
    verifier->result->differing += found.count > 0;
}

/* Takes the rows of this sale. False if PostgreSQL failed. */
static bool take_rows(struct sale_verifier *verifier, enum table table, const struct uuid *id)
{
    struct stream *rows = &verifier->rows[table];
    take_orphans(verifier, table, id);
    while (stream_here(rows)) {
        struct uuid of = pg_uuid(rows->page, rows->row, SALE_ID_COLUMN);
        if (!uuid_equal(&of, id)) {
            break;
        }
        KINDS[table].take(verifier, rows->page, rows->row);
        rows->row++;
    }
    return !rows->failed;
}

static bool take_sale(struct sale_verifier *verifier)
{
    struct stream *sales = &verifier->sales;
    struct sale_replay *replay = &verifier->replay;
    struct uuid id = pg_uuid(sales->page, sales->row, SALE_ID_COLUMN);
    sale_replay_begin(replay, sales->page, sales->row);
    bool ok = take_rows(verifier, ENTRIES, &id);
    if (ok) {
        sale_replay_end(replay, sales->page, sales->row);
        verifier->compared = sale_rows_begin(replay);
        ok = take_rows(verifier, PLACES, &id) && take_rows(verifier, ORDERS, &id) && take_rows(verifier, BLOCKS, &id);
    }
    if (!ok) {
        return false;
    }
    sale_rows_end(&verifier->compared);
    differences_end(&replay->found, "");
    verifier->result->sales++;
    verifier->result->differences += replay->found.count;
    verifier->result->differing += replay->found.count > 0;
    sales->row++;
    return true;
}

static bool open_streams(struct sale_verifier *verifier, struct ctl *ctl, const char *id)
{
    bool ok = stream_open(&verifier->sales, ctl, &SALE_REPLAY_SALES, id);
    for (int table = 0; ok && table < TABLES; table++) {
        ok = stream_open(&verifier->rows[table], ctl, KINDS[table].query, id);
    }
    return ok;
}

bool sale_verify(struct ctl *ctl, const char *id, struct sale_verify_result *result)
{
    struct sale_verifier verifier = {.result = result};
    *result = (struct sale_verify_result){0};
    bool ok = open_streams(&verifier, ctl, id);
    while (ok && stream_here(&verifier.sales)) {
        ok = take_sale(&verifier);
    }
    ok = ok && !verifier.sales.failed;
    for (int table = 0; table < TABLES; table++) {
        if (ok) {
            take_orphans(&verifier, table, NULL);
            ok = !verifier.rows[table].failed;
        }
        stream_close(&verifier.rows[table]);
    }
    stream_close(&verifier.sales);
    sale_replay_free(&verifier.replay);
    return ok;
}
