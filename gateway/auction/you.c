/*
 * See you.h.
 */
#include "gateway/auction/you.h"

#include "common/protocol/pseudonym.h"
#include "gateway/query/columns.h"

void you_write(struct jsonw *json, const struct deployment *deployment, const struct uuid *auction,
               const struct uuid *user, const PGresult *result, int first)
{
    char pseudonym[PSEUDONYM_SIZE];
    pseudonym_write(deployment->facts.pseudonym, auction, user, pseudonym);
    jsonw_object(json);
    jsonw_put_string(json, "state", pg_text(result, 0, first + YOU_STATE_TEXT));
    jsonw_put_string(json, "pseudonym", pseudonym);
    columns_put_money(json, "myHighestBid", result, 0, first + YOU_HIGHEST);
    columns_put_money(json, "myMaximum", result, 0, first + YOU_OWN_MAXIMUM);
    jsonw_put_bool(json, "watching", pg_bool(result, 0, first + YOU_WATCHING));
    jsonw_end_object(json);
}
