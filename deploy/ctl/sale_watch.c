/*
 * See sale_watch.h. The row of the sale is read from PostgreSQL every LOOK_MS, so an outage of Redis does not matter,
 * and versions in between are left out. While PostgreSQL does not answer, the page waits for it.
 */
#include "deploy/ctl/sale_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/rules/sale_words.h"
#include "deploy/ctl/store.h"

enum { LOOK_MS = 500, MS_PER_S = 1000, NS_PER_MS = 1000000 };

enum column { STATUS, FREE, CLAIMED, RESERVED, SOLD, WAITING, VERSION, NOW_MS, START_MS, END_MS, COLUMNS };

static const char SALE_SQL[] =
    "SELECT status, quantity - claimed - reserved - sold, claimed, reserved, sold, waiting, version, " STORE_MS(
        "clock_timestamp()") ", " STORE_MS("start_time") ", " STORE_MS("end_time") " FROM flash_sales WHERE id = $1";

/* NULL without an answer: PostgreSQL is away, and the next call reconnects. */
static PGresult *look(struct ctl *ctl, const char *id)
{
    if (PQstatus(ctl->pg) != CONNECTION_OK) {
        PQreset(ctl->pg);
    }
    PGresult *result = PQexecParams(ctl->pg, SALE_SQL, 1, NULL, &id, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        return result;
    }
    PQclear(result);
    return NULL;
}

static bool final(const PGresult *result)
{
    enum sale_status status = SALE_UPCOMING;
    return sale_status_parse(pg_text(result, 0, STATUS), &status) &&
           (status == SALE_SETTLED || status == SALE_SOLD_OUT || status == SALE_CANCELLED);
}

static void print_line(const PGresult *result)
{
    char now[CLOCK_TEXT_SIZE];
    int64_t now_ms = pg_int(result, 0, NOW_MS);
    bool begun = now_ms >= pg_int(result, 0, START_MS);
    int64_t left_ms = pg_int(result, 0, begun ? END_MS : START_MS) - now_ms;
    clock_format(now_ms, now);
    (void)printf("%s  %-9s  free %s, claimed %s, reserved %s, sold %s, waiting %s", now, pg_text(result, 0, STATUS),
                 pg_text(result, 0, FREE), pg_text(result, 0, CLAIMED), pg_text(result, 0, RESERVED),
                 pg_text(result, 0, SOLD), pg_text(result, 0, WAITING));
    if (left_ms > 0 && !final(result)) {
        (void)printf(", %s in %" PRId64 " s", begun ? "ends" : "starts", (left_ms + MS_PER_S - 1) / MS_PER_S);
    }
    (void)putchar('\n');
}

/* Prints the sale unless its version was printed. False if the reader of the output has closed it. */
static bool show(const PGresult *result, int64_t *shown)
{
    int64_t version = pg_int(result, 0, VERSION);
    if (version == *shown) {
        return true;
    }
    *shown = version;
    print_line(result);
    return fflush(stdout) == 0;
}

static void pause_ms(int64_t ms)
{
    struct timespec rest = {.tv_sec = ms / MS_PER_S, .tv_nsec = ms % MS_PER_S * NS_PER_MS};
    (void)nanosleep(&rest, NULL);
}

int sale_watch(struct ctl *ctl, const char *id)
{
    int64_t shown = -1;
    while (true) {
        PGresult *result = look(ctl, id);
        bool found = result != NULL && PQntuples(result) == 1;
        bool over = found && final(result);
        bool open = !found || show(result, &shown);
        bool gone = result != NULL && !found;
        PQclear(result);
        if (gone) {
            ctl_report_error("there is no auction or sale %s", id);
        }
        if (gone || over || !open) {
            return over && open ? CTL_OK : CTL_FAILED;
        }
        pause_ms(LOOK_MS);
    }
}
