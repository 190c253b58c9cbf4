/*
 * The SQL of searches; see queries.h. Each list selects ids first and then joins the rows of one page, so that sorts
 * are small.
 */
#include "gateway/search/queries.h"

#include "gateway/query/product_columns.h"

/* clang-format off */
#define TSQUERY "coalesce($5::tsquery, websearch_to_tsquery('english', $4::text))"
#define FILTERS                                                                                                        \
    " AND ($2::text IS NULL OR a.category = $2) AND ($3::uuid IS NULL OR a.seller_id = $3)"                            \
    " AND ($4::text IS NULL OR a.search @@ " TSQUERY ")"
#define PRICE  "coalesce(a.current_bid, a.starting_price)"
#define COSTS  " AND ($6::numeric IS NULL OR " PRICE " >= $6) AND ($7::numeric IS NULL OR " PRICE " <= $7)"
#define PLAIN(status)  " FROM auctions a WHERE a.status = " status FILTERS COSTS
#define RANGE  " AND ($6::numeric IS NULL OR p.price >= $6) AND ($7::numeric IS NULL OR p.price <= $7)"
#define PRICED(status)                                                                                                 \
    " FROM auction_prices p JOIN auctions a ON a.id = p.auction_id"                                                    \
    " WHERE p.status = " status " AND a.status = " status FILTERS RANGE
#define BESIDE                                                                                                         \
    " AND ($2::text IS NULL OR p.category = $2)"                                                                       \
    " AND $3::uuid IS NULL AND $4::text IS NULL AND $5::tsquery IS NULL"
#define BARE(status)   " FROM auction_prices p WHERE p.status = " status BESIDE RANGE
/* Several statuses at once, where no order follows from an index. */
#define ANY_STATUS "ANY (string_to_array($1, ','))"

#define LIST(name, from, key, id, type, than, direction)                                                               \
    {                                                                                                                  \
        name, "SELECT " VIEW_COLUMNS " FROM (SELECT " id " AS id, " key " AS key" from                             \
              " AND ($9::" type " IS NULL OR (" key ", " id ") " than " ($9::" type ", $10::uuid))"                    \
              " ORDER BY " key " " direction ", " id " " direction " LIMIT $8) k"                                      \
              " JOIN auctions a ON a.id = k.id ORDER BY k.key " direction ", k.id " direction                          \
    }

/*
 * The first rows of each status, in the order of its index, then the first of these. So no status is read beyond the
 * page.
 */
#define LIST_SEVERAL(name, from, key, id, type, than, direction)                                                       \
    {                                                                                                                  \
        name "_several", "SELECT " VIEW_COLUMNS " FROM (SELECT each.id, each.key"                                      \
              " FROM (SELECT DISTINCT unnest(string_to_array($1, ',')) AS status) s CROSS JOIN LATERAL"                \
              " (SELECT " id " AS id, " key " AS key" from                                                             \
              "  AND ($9::" type " IS NULL OR (" key ", " id ") " than " ($9::" type ", $10::uuid))"                   \
              "  ORDER BY " key " " direction ", " id " " direction " LIMIT $8) each"                                  \
              " ORDER BY each.key " direction ", each.id " direction " LIMIT $8) k"                                    \
              " JOIN auctions a ON a.id = k.id ORDER BY k.key " direction ", k.id " direction                          \
    }
/* A list for one status, and the same for several. */
#define LISTS(number, name, from, key, id, type, than, direction)                                                      \
    [number] = LIST(name, from("$1"), key, id, type, than, direction),                                                 \
    [QUERIES_SEVERAL + (number)] = LIST_SEVERAL(name, from("s.status"), key, id, type, than, direction)

/* A rank is an integer in billionths, so that the value in a cursor is exactly the value that was compared. */
#define RELEVANCE(name, from)                                                                                          \
    {                                                                                                                  \
        name, "WITH hits AS MATERIALIZED (SELECT a.id, a.created_at" from " AND a.created_at <= $11::timestamptz"      \
              "  ORDER BY a.created_at DESC, a.id DESC LIMIT 400),"                                                    \
              " ranked AS MATERIALIZED (SELECT h.id, (ts_rank(a.search, " TSQUERY ", 1) * 1e9)::bigint AS rank"        \
              "  FROM hits h JOIN auctions a ON a.id = h.id),"                                                         \
              " page AS (SELECT id, rank FROM ranked"                                                                  \
              "  WHERE $9::bigint IS NULL OR (rank, id) < ($9::bigint, $10::uuid)"                                     \
              "  ORDER BY rank DESC, id DESC LIMIT $8)"                                                                \
              " SELECT " VIEW_COLUMNS ", k.rank, (SELECT count(*) FROM hits), "                                    \
              COLUMNS_MS("last.created_at") ", last.id"                                                               \
              " FROM page k JOIN auctions a ON a.id = k.id,"                                                           \
              " (SELECT id, created_at FROM hits ORDER BY created_at, id LIMIT 1) last"                                \
              " ORDER BY k.rank DESC, k.id DESC"                                                                       \
    }

/* The counts by status ignore only the filter by status: they are the numbers of matches with another status. */
#define FACETS_OF(name, hits, of_status)                                                                               \
    {                                                                                                                  \
        name, "WITH hits AS MATERIALIZED (" hits " LIMIT 10001)"                                                       \
              " SELECT 'matches', '', count(*) FROM hits"                                                              \
              " UNION ALL (SELECT 'category', category, count(*) FROM hits GROUP BY category"                          \
              "  ORDER BY 3 DESC, 2 LIMIT 50)"                                                                         \
              " UNION ALL SELECT 'status', shown.status, CASE WHEN shown.status = $1 THEN (SELECT count(*) FROM hits)" \
              "   ELSE (SELECT count(*) FROM (SELECT" of_status " LIMIT 10001) few) END"                               \
              "  FROM unnest(ARRAY['scheduled', 'active', 'ended', 'sold', 'unsold', 'cancelled']) shown (status)"     \
              " UNION ALL (SELECT 'price', width_bucket(price, ARRAY[10, 50, 100, 500, 1000, 5000]::numeric[])::text," \
              "  count(*) FROM hits GROUP BY 2 ORDER BY 2)"                                                            \
    }
#define HITS(from, price, category) "SELECT " category " AS category, " price " AS price" from
/* For one status, and for several: each of these is read by its index, and none beyond what is counted. */
#define FACETS(number, name, from, price, category)                                                                    \
    [number] = FACETS_OF(name, HITS(from("$1"), price, category), from("shown.status")),                               \
    [(number) + QUERIES_SEVERAL] =                                                                                     \
        FACETS_OF(name "_several",                                                                                     \
                  "SELECT each.* FROM (SELECT DISTINCT unnest(string_to_array($1, ',')) AS status) s"                  \
                  " CROSS JOIN LATERAL (" HITS(from("s.status"), price, category) " LIMIT 10001) each",                \
                  from("shown.status"))

const struct pg_statement queries_all[QUERIES_COUNT] = {
    LISTS(QUERIES_ENDING, "auctions_ending", PLAIN, "a.end_time", "a.id", "timestamptz", ">", "ASC"),
    LISTS(QUERIES_NEWEST, "auctions_newest", PLAIN, "a.created_at", "a.id", "timestamptz", "<", "DESC"),
    [QUERIES_RELEVANCE] = RELEVANCE("auctions_relevance", PLAIN("$1")),
    [QUERIES_RELEVANCE_SEVERAL] = RELEVANCE("auctions_relevance_several", PLAIN(ANY_STATUS)),
    LISTS(QUERIES_PRICE_UP, "auctions_price_up", PRICED, "p.price", "p.auction_id", "numeric", ">", "ASC"),
    LISTS(QUERIES_PRICE_DOWN, "auctions_price_down", PRICED, "p.price", "p.auction_id", "numeric", "<", "DESC"),
    LISTS(QUERIES_ENDING_PRICED, "auctions_ending_priced", PRICED, "a.end_time", "a.id", "timestamptz", ">", "ASC"),
    LISTS(QUERIES_NEWEST_PRICED, "auctions_newest_priced", PRICED, "a.created_at", "a.id", "timestamptz", "<", "DESC"),
    FACETS(QUERIES_FACETS, "auctions_facets", PLAIN, PRICE, "a.category"),
    FACETS(QUERIES_FACETS_BARE, "auctions_facets_bare", BARE, "p.price", "p.category"),
    [QUERIES_IDS] = {"auctions_ids",
        "SELECT " VIEW_COLUMNS " FROM auctions a WHERE a.id = ANY ($2::uuid[]) AND a.status = " ANY_STATUS
        " ORDER BY a.end_time, a.id"},
    [QUERIES_PRODUCTS] = {"products_newest",
        "SELECT " PRODUCT_COLUMNS " FROM (SELECT id FROM products WHERE search @@ websearch_to_tsquery('english', $4)"
        "  AND ($5::text IS NULL OR category = $5) AND (created_at, id) < (coalesce($1::timestamptz, 'infinity'),"
        "   coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"
        "  ORDER BY created_at DESC, id DESC LIMIT $3) k"
        " JOIN products p ON p.id = k.id ORDER BY p.created_at DESC, p.id DESC"},
    /*
     * For each word of the text: the words within an edit distance of one or two, among the thirty with the most
     * similar trigrams. They include the word itself if it is in table search_words.
     */
    [QUERIES_WORDS] = {"search_words",
        "SELECT CASE WHEN bool_and(near.query IS NOT NULL) THEN string_agg('(' || near.query || ')', ' & ') END"
        " FROM (SELECT word FROM unnest(tsvector_to_array(to_tsvector('simple', $1::text))) w (word)"
        "  WHERE char_length(word) BETWEEN 3 AND 40 AND plainto_tsquery('english', word)::text <> ''"
        "  ORDER BY char_length(word) DESC, word LIMIT 6) asked"
        " CROSS JOIN LATERAL (SELECT string_agg(query, ' | ') AS query FROM"
        "  (SELECT nullif(plainto_tsquery('english', alike.word)::text, '') AS query FROM"
        "   (SELECT s.word FROM search_words s WHERE s.word OPERATOR(public.%) asked.word"
     "    ORDER BY public.similarity(s.word, asked.word) DESC, s.word LIMIT 30) alike"
        "  WHERE public.levenshtein_less_equal(alike.word, asked.word, 2)"
        "   <= CASE WHEN char_length(asked.word) < 5 THEN 1 ELSE 2 END"
        "  ORDER BY public.levenshtein(alike.word, asked.word), alike.word LIMIT 5) few) near"},
};
/* clang-format on */
