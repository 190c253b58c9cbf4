/*
 * Measures live updates: the time from a bid to its message at each of thousands of watchers, and what the watchers
 * cost. Watchers, bidders and the clock are in this process, on the same processors as the deployment. One thread runs
 * all watchers and places single bids. A second thread places the bids of the loads, so that reading messages does not
 * delay the clock of bids. Started by tests/bench/live-run (`make bench-live`):
 *
 *     live GATEWAY-PID SECONDS RATE WATCHERS...     numbers of watchers, ascending
 *
 *   received  from the POST of a bid to its message at each watcher; one bid at a time, without other load
 *   last      the same, for the last watcher of each bid
 *   CPU       CPU time per message: in the gateway workers, and in this client
 *   KiB       memory of the gateway workers per idle watcher (PSS, without the kernel's socket buffers)
 *   bids      POST to 202 of bids that are sent at a fixed RATE per second, without waiting for answers (open loop)
 *   flood     POST to 202, as many bids as FLOOD_BIDDERS connections can place in SECONDS; a tenth of the watchers
 *             reads nothing meanwhile. `behind` counts watchers without the final price after BEHIND_MS
 *
 * The row of 0 watchers is the baseline. Targets are printed below the table; a missed target is no failure.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/poster.h"

enum {
    FLOOD_BIDDERS = 64,
    STEPS_MAX = 8,
    WORKERS_MAX = 16,
    SINGLE_BIDS = 100,           /* single bids for each number of watchers */
    SINGLE_SAMPLES_MAX = 500000, /* fewer single bids if there would be more samples */
    PAUSE_MIN_MS = 20,           /* between single bids; random, so that they do not follow a timer of the deployment */
    PAUSE_MAX_MS = 120,
    OPENING_MS = 120000, /* until all watchers are connected */
    BEHIND_MS = 15000,
    IDLE_MS = 2000,   /* before memory is read */
    POLL_MS = 250,    /* between two reads of the memory in a flood */
    PAUSED_PART = 10, /* one watcher of this many */
    LOAD_SAMPLES_MAX = 2000000,
    WARM_UP_S = 2,
    LAST_STEP = 100, /* cents by which the last bid exceeds all others */
    KIB_PER_MIB = 1024,
    US_PER_MS = 1000,
    US_PER_S = 1000000,
    PATH_SIZE = 64,
    LINE_SIZE = 256,
};

struct samples {
    int64_t *us;
    size_t count;
    size_t size;
};

struct step {
    size_t watchers;
    double opened_s;
    double kib; /* each */
    struct samples received;
    struct samples last;
    double cpu_us[2]; /* per message: of the gateway workers, of this process */
    size_t missed;    /* messages that did not arrive within BEHIND_MS */
    struct samples bids;
    struct samples flood;
    int64_t flood_taken;
    double flood_mib[3];  /* before, maximum, after */
    int64_t flood_closed; /* connections of watchers that the gateway closed */
    size_t behind;
};

static struct {
    const char *url;
    char auction[UUID_TEXT_SIZE];
    struct factory_user seller;
    struct factory_user bidders[FLOOD_BIDDERS];
    int workers[WORKERS_MAX];
    size_t worker_count;
    atomic_llong cents; /* of the newest bid */
    struct step *step;
    /* Used by the thread of the watchers. A single bid is in progress while sent_us is not 0. */
    struct ws_load *ws_load;
    struct posters *single;
    int64_t sent_us;
    int64_t single_cents;
    size_t received;
    uint8_t *has; /* by watcher: it received the single bid */
    size_t has_size;
} bench;

/* A load of bids in its own thread. Its loop is a ws_load without watchers. */
struct load {
    struct ws_load *loop;
    struct posters *posters;
    struct samples *answers;
    int64_t seconds;
    int64_t rate; /* per second; 0: as many as possible */
    int64_t taken;
    bool continuous; /* a bid follows each answer */
    atomic_bool done;
};

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "live: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* ---- figures ---- */

static void sample(struct samples *samples, int64_t us)
{
    if (samples->count == samples->size) {
        samples->size = samples->size == 0 ? 1024 : samples->size * 2;
        samples->us = realloc(samples->us, samples->size * sizeof(*samples->us));
        must(samples->us != NULL, "no memory");
    }
    samples->us[samples->count++] = us;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* In ms; `part` is in thousandths: 500 is the median, 1000 the maximum. */
static double quantile(struct samples *samples, size_t part)
{
    if (samples->count == 0) {
        return 0;
    }
    qsort(samples->us, samples->count, sizeof(*samples->us), compare);
    size_t at = (samples->count * part + 999) / 1000;
    return (double)samples->us[at == 0 ? 0 : at - 1] / US_PER_MS;
}

/* Reads the first line of a file under /proc. */
static void read_line(const char *path, char line[static LINE_SIZE])
{
    FILE *file = fopen(path, "re");
    must(file != NULL && fgets(line, LINE_SIZE, file) != NULL, "a process of the deployment has ended");
    (void)fclose(file);
}

static void find_workers(const char *master)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    (void)snprintf(path, sizeof(path), "/proc/%s/task/%s/children", master, master);
    read_line(path, line);
    char *rest = line;
    for (long pid = strtol(rest, &rest, 10); pid > 0 && bench.worker_count < WORKERS_MAX;
         pid = strtol(rest, &rest, 10)) {
        bench.workers[bench.worker_count++] = (int)pid;
    }
    must(bench.worker_count > 0, "the gateway has no workers");
}

/* PSS of all gateway workers. */
static double memory_kib(void)
{
    double sum = 0;
    for (size_t i = 0; i < bench.worker_count; i++) {
        char path[PATH_SIZE];
        char line[LINE_SIZE];
        (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", bench.workers[i]);
        FILE *file = fopen(path, "re");
        must(file != NULL, "a gateway worker's memory cannot be read: run it as root");
        while (fgets(line, sizeof(line), file) != NULL) {
            if (strncmp(line, "Pss:", 4) == 0) {
                sum += strtod(line + 4, NULL);
            }
        }
        (void)fclose(file);
    }
    return sum;
}

/* CPU time of a process: fields 14 and 15, counted from the name in brackets. */
static double processor_us(const char *process)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    (void)snprintf(path, sizeof(path), "/proc/%s/stat", process);
    read_line(path, line);
    char *at = strrchr(line, ')');
    for (int field = 2; at != NULL && field < 14; field++) {
        at = strchr(at + 1, ' ');
    }
    must(at != NULL, "a process's time cannot be read");
    unsigned long long ticks = strtoull(at, &at, 10);
    ticks += strtoull(at, &at, 10);
    return (double)ticks * US_PER_S / (double)sysconf(_SC_CLK_TCK);
}

static double workers_us(void)
{
    double sum = 0;
    for (size_t i = 0; i < bench.worker_count; i++) {
        char process[PATH_SIZE];
        (void)snprintf(process, sizeof(process), "%d", bench.workers[i]);
        sum += processor_us(process);
    }
    return sum;
}

/* ---- messages and answers ---- */

static void on_update(size_t index, const struct ws_load_watcher *watcher, int64_t now_us, void *arg)
{
    (void)arg;
    if (bench.sent_us != 0 && watcher->price >= bench.single_cents && bench.has[index] == 0) {
        bench.has[index] = 1;
        bench.received++;
        sample(&bench.step->received, now_us - bench.sent_us);
    }
}

static int64_t next_cents(void)
{
    return atomic_fetch_add(&bench.cents, 1) + 1;
}

static void check_answer(int status)
{
    must(status == 202 || status == 400 || status == 409 || status == 503, "unexpected answer to a bid");
}

static void on_single_answer(int status, int64_t meant_us, int64_t now_us, void *arg)
{
    (void)meant_us;
    (void)now_us;
    (void)arg;
    check_answer(status);
}

static void run_for(int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    for (int64_t left = ms; left > 0; left = until_ms - clock_mono_ms()) {
        ws_load_turn(bench.ws_load, (int)left);
    }
}

/* ---- loads ---- */

static void on_load_answer(int status, int64_t meant_us, int64_t now_us, void *arg)
{
    struct load *load = arg;
    check_answer(status);
    load->taken += status == 202;
    if (load->answers->count < LOAD_SAMPLES_MAX) {
        sample(load->answers, now_us - meant_us);
    }
    if (load->continuous) {
        must(posters_post(load->posters, next_cents(), clock_mono_us()), "no bidder is free");
    }
}

static void send_continuously(struct load *load)
{
    int64_t until_ms = clock_mono_ms() + load->seconds * 1000;
    load->continuous = true;
    for (size_t i = 0; i < FLOOD_BIDDERS; i++) {
        must(posters_post(load->posters, next_cents(), clock_mono_us()), "no bidder is free");
    }
    while (clock_mono_ms() < until_ms) {
        ws_load_turn(load->loop, POLL_MS);
    }
    load->continuous = false;
}

static void send_at_rate(struct load *load)
{
    int64_t began_us = clock_mono_us();
    for (int64_t sent = 0; sent < load->seconds * load->rate;) {
        int64_t due_us = began_us + sent * US_PER_S / load->rate;
        int64_t left_us = due_us - clock_mono_us();
        if (left_us > 0) {
            ws_load_turn(load->loop, (int)(left_us / US_PER_MS) + 1);
        } else if (posters_post(load->posters, next_cents(), due_us)) {
            sent++;
        } else {
            ws_load_turn(load->loop, POLL_MS);
        }
    }
}

static void *load_run(void *arg)
{
    struct load *load = arg;
    const struct ws_load_options options = {.base_url = bench.url, .auction = bench.auction};
    load->loop = ws_load_new(&options);
    const struct posters_options posters = {.ws_load = load->loop,
                                            .base_url = bench.url,
                                            .auction = bench.auction,
                                            .users = bench.bidders,
                                            .count = FLOOD_BIDDERS,
                                            .answered = on_load_answer,
                                            .arg = load};
    load->posters = load->loop == NULL ? NULL : posters_new(&posters);
    must(load->posters != NULL, "no memory");
    if (load->rate == 0) {
        send_continuously(load);
    } else {
        send_at_rate(load);
    }
    while (posters_busy(load->posters) > 0) {
        ws_load_turn(load->loop, POLL_MS);
    }
    posters_free(load->posters);
    ws_load_free(load->loop);
    atomic_store(&load->done, true);
    return NULL;
}

/* Runs the load while the watchers read. Returns the maximum memory in MiB. */
static double run_load(struct load *load)
{
    pthread_t thread;
    double max_kib = 0;
    must(pthread_create(&thread, NULL, load_run, load) == 0, "no thread");
    while (!atomic_load(&load->done)) {
        run_for(POLL_MS);
        double now_kib = memory_kib();
        max_kib = now_kib > max_kib ? now_kib : max_kib;
    }
    (void)pthread_join(thread, NULL);
    return max_kib / KIB_PER_MIB;
}

/* ---- the measurements ---- */

static void open_watchers(struct step *step, double before_kib)
{
    int64_t began_ms = clock_mono_ms();
    ws_load_resize(bench.ws_load, step->watchers);
    while (ws_load_counts(bench.ws_load).watching < step->watchers) {
        must(clock_mono_ms() - began_ms < OPENING_MS, "not all watchers could connect");
        ws_load_turn(bench.ws_load, POLL_MS);
    }
    step->opened_s = (double)(clock_mono_ms() - began_ms) / 1000;
    run_for(IDLE_MS);
    step->kib = step->watchers == 0 ? 0 : (memory_kib() - before_kib) / (double)step->watchers;
}

static void one_bid(struct step *step)
{
    memset(bench.has, 0, bench.has_size);
    bench.received = 0;
    bench.single_cents = next_cents();
    bench.sent_us = clock_mono_us();
    must(posters_post(bench.single, bench.single_cents, bench.sent_us), "no bidder is free");
    int64_t until_us = bench.sent_us + (int64_t)BEHIND_MS * US_PER_MS;
    while ((bench.received < step->watchers || posters_busy(bench.single) > 0) && clock_mono_us() < until_us) {
        ws_load_turn(bench.ws_load, POLL_MS);
    }
    step->missed += step->watchers - bench.received;
    if (step->received.count > 0 && bench.received > 0) {
        sample(&step->last, step->received.us[step->received.count - 1]);
    }
    bench.sent_us = 0;
}

static void one_at_a_time(struct step *step)
{
    size_t bids = step->watchers == 0 ? 0 : SINGLE_SAMPLES_MAX / step->watchers;
    bids = bids > SINGLE_BIDS ? SINGLE_BIDS : bids;
    double workers_before_us = workers_us();
    double client_before_us = processor_us("self");
    for (size_t i = 0; i < bids; i++) {
        one_bid(step);
        run_for(PAUSE_MIN_MS + random() % (PAUSE_MAX_MS - PAUSE_MIN_MS));
    }
    double messages = step->received.count > 0 ? (double)step->received.count : 1;
    step->cpu_us[0] = (workers_us() - workers_before_us) / messages;
    step->cpu_us[1] = (processor_us("self") - client_before_us) / messages;
}

static void steady(struct step *step, int64_t seconds, int64_t rate)
{
    struct load load = {.answers = &step->bids, .seconds = seconds, .rate = rate};
    (void)run_load(&load);
}

static bool decided(const struct reply *reply)
{
    return reply->status == 200 && strcmp(reply_text(reply, "status"), "accepted") == 0;
}

/* Places a bid above all others and counts the watchers that do not receive it in time. */
static void wait_for_last_bid(struct step *step)
{
    struct client *client = client_new(bench.url);
    char amount[32];
    must(client != NULL, "no memory");
    long long cents = atomic_fetch_add(&bench.cents, LAST_STEP) + LAST_STEP;
    (void)snprintf(amount, sizeof(amount), "%lld.%02lld", cents / 100, cents % 100);
    must(decided(factory_bid(client, &bench.bidders[0], bench.auction, amount)), "the last bid is not accepted");
    client_free(client);
    int64_t until_ms = clock_mono_ms() + BEHIND_MS;
    do {
        ws_load_turn(bench.ws_load, POLL_MS);
        step->behind = 0;
        for (size_t i = 0; i < ws_load_size(bench.ws_load); i++) {
            const struct ws_load_watcher *watcher = ws_load_watcher(bench.ws_load, i);
            step->behind += watcher->state != WS_LOAD_WATCHING || watcher->price != cents;
        }
    } while (step->behind > 0 && clock_mono_ms() < until_ms);
}

static void flood(struct step *step, int64_t seconds)
{
    int64_t lost = ws_load_counts(bench.ws_load).lost;
    struct load load = {.answers = &step->flood, .seconds = seconds};
    step->flood_mib[0] = memory_kib() / KIB_PER_MIB;
    ws_load_set_paused(bench.ws_load, step->watchers / PAUSED_PART, true);
    step->flood_mib[1] = run_load(&load);
    step->flood_taken = load.taken;
    ws_load_set_paused(bench.ws_load, step->watchers / PAUSED_PART, false);
    wait_for_last_bid(step);
    step->flood_closed = ws_load_counts(bench.ws_load).lost - lost;
    run_for(IDLE_MS);
    step->flood_mib[2] = memory_kib() / KIB_PER_MIB;
}

/* ---- the table ---- */

static void print_head(void)
{
    (void)printf("%8s %6s %5s |%22s |%14s |%13s |%14s |%13s %22s %6s\n", "watchers", "opened", "KiB",
                 "received, ms    ", "last, ms  ", "CPU, us   ", "bids, ms  ", "flood     ", "MiB           ", "");
    (void)printf("%8s %6s %5s |%7s %7s %6s |%7s %6s |%7s %5s |%7s %6s |%6s %6s %8s %6s %6s %6s %6s\n", "", "s", "each",
                 "p50", "p99", "max", "p50", "max", "workers", "us", "p50", "p99", "202/s", "p99ms", "before", "max",
                 "after", "closed", "behind");
    (void)fflush(stdout);
}

static void print_step(struct step *step, int64_t seconds)
{
    (void)printf("%8zu %6.1f %5.1f |%7.1f %7.1f %6.1f |%7.1f %6.1f |%7.1f %5.1f |%7.1f %6.1f ", step->watchers,
                 step->opened_s, step->kib, quantile(&step->received, 500), quantile(&step->received, 990),
                 quantile(&step->received, 1000), quantile(&step->last, 500), quantile(&step->last, 1000),
                 step->cpu_us[0], step->cpu_us[1], quantile(&step->bids, 500), quantile(&step->bids, 990));
    (void)printf("|%6.0f %6.1f %8.1f %6.1f %6.1f %6" PRId64 " %6zu\n", (double)step->flood_taken / (double)seconds,
                 quantile(&step->flood, 990), step->flood_mib[0], step->flood_mib[1], step->flood_mib[2],
                 step->flood_closed, step->behind);
    if (step->missed > 0) {
        (void)printf("%8s %zu messages did not arrive within %d ms\n", "", step->missed, BEHIND_MS);
    }
    (void)fflush(stdout);
}

static void print_target(const char *what, double is, double below, const char *unit)
{
    (void)printf("%-62s %8.1f   target < %5.1f %-4s %s\n", what, is, below, unit, is < below ? "reached" : "MISSED");
}

static void print_ratio(const struct step *step, const char *of, double with_ms, double without_ms)
{
    char what[LINE_SIZE];
    (void)snprintf(what, sizeof(what), "%zu watchers: %s, ratio to none", step->watchers, of);
    print_target(what, without_ms > 0 ? with_ms / without_ms : 0, 2.0, "");
}

static void print_targets(struct step *steps, size_t count)
{
    (void)printf("\n");
    for (size_t i = 1; i < count; i++) {
        struct step *step = &steps[i];
        if (step->watchers == 1000) {
            print_target("1,000 watchers: until each watcher received a bid, p99", quantile(&step->received, 990), 50,
                         "ms");
        }
        if (step->watchers == 10000) {
            print_target("10,000 watchers: until the last received a bid, max", quantile(&step->last, 1000), 150, "ms");
            print_target("10,000 watchers: memory of each, idle", step->kib, 20, "KiB");
        }
        print_ratio(step, "bids at a fixed rate, p99", quantile(&step->bids, 990), quantile(&steps[0].bids, 990));
        print_ratio(step, "bids of a flood, p99", quantile(&step->flood, 990), quantile(&steps[0].flood, 990));
    }
}

/* ---- */

static void set_up(void)
{
    const struct factory_terms terms = {
        .title = "Hot", .starting_price = "1.00", .lasts_ms = 6 * INT64_C(3600000), .more = "\"bidIncrement\": 0.01"};
    struct client *client = client_new(bench.url);
    bool ok = client != NULL && factory_user(client, &bench.seller, "Seller") &&
              factory_auction(client, &bench.seller, &terms, bench.auction);
    for (size_t i = 0; ok && i < FLOOD_BIDDERS; i++) {
        ok = factory_user(client, &bench.bidders[i], "Bidder");
    }
    must(ok, "the deployment refuses users or auctions");
    client_free(client);
    atomic_store(&bench.cents, 100);
    const struct ws_load_options options = {.base_url = bench.url, .auction = bench.auction, .on_message = on_update};
    bench.ws_load = ws_load_new(&options);
    must(bench.ws_load != NULL, "no memory");
    const struct posters_options posters = {.ws_load = bench.ws_load,
                                            .base_url = bench.url,
                                            .auction = bench.auction,
                                            .users = &bench.bidders[0],
                                            .count = 1,
                                            .answered = on_single_answer};
    bench.single = posters_new(&posters);
    must(bench.single != NULL, "no memory");
}

/* Not measured: the first bids, connections and batches cost more. */
static void warm_up(int64_t rate)
{
    struct step none = {.watchers = 0};
    steady(&none, WARM_UP_S, rate);
    flood(&none, WARM_UP_S);
    free(none.bids.us);
    free(none.flood.us);
}

static int64_t number(const char *text)
{
    char *end = NULL;
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    must(errno == 0 && end != text && *end == '\0' && value >= 0, "usage: live GATEWAY-PID SECONDS RATE WATCHERS...");
    return value;
}

int main(int argc, char **argv)
{
    static struct step steps[STEPS_MAX + 1];
    must(argc > 4 && argc - 4 <= STEPS_MAX, "usage: live GATEWAY-PID SECONDS RATE WATCHERS...");
    int64_t seconds = number(argv[2]);
    int64_t rate = number(argv[3]);
    size_t count = (size_t)argc - 3;
    bench.url = deployment_http_url();
    find_workers(argv[1]);
    set_up();
    warm_up(rate);
    double before_kib = memory_kib();
    print_head();
    for (size_t i = 0; i < count; i++) {
        struct step *step = &steps[i];
        step->watchers = i == 0 ? 0 : (size_t)number(argv[3 + i]);
        bench.step = step;
        bench.has_size = step->watchers;
        bench.has = realloc(bench.has, step->watchers + 1);
        must(bench.has != NULL, "no memory");
        open_watchers(step, before_kib);
        one_at_a_time(step);
        steady(step, seconds, rate);
        flood(step, seconds);
        print_step(step, seconds);
    }
    print_targets(steps, count);
    posters_free(bench.single);
    ws_load_free(bench.ws_load);
    return EXIT_SUCCESS;
}
