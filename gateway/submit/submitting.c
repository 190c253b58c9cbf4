/*
 * See submitting.h.
 */
#include "gateway/submit/submitting.h"

bool submitting_start(struct submitting *submitting, const struct submitting_options *options)
{
    const struct backlog_reader_options backlog = {
        .base = options->base,
        .config = options->config,
        .deployment = options->deployment,
        .redis = options->redis,
        .family = options->family,
        .backlog = &submitting->backlog,
        .measured = options->measured,
    };
    submitting->backlog_reader = backlog_reader_new(&backlog);
    submitting->publisher = publisher_new(options->base, options->config, options->family, options->open_max);
    submitting->waiters = waiters_new(options->base, options->pg, options->family);
    submitting->submissions = (struct submissions){
        .family = options->family,
        .publisher = submitting->publisher,
        .waiters = submitting->waiters,
        .id = options->id,
        .timing = options->timing,
    };
    return submitting->backlog_reader != NULL && submitting->publisher != NULL && submitting->waiters != NULL;
}

void submitting_stop(struct submitting *submitting)
{
    waiters_free(submitting->waiters);
    publisher_free(submitting->publisher);
    backlog_reader_free(submitting->backlog_reader);
}

bool submitting_overdue(const struct backlog *backlog, const struct config *config, unsigned shards,
                        const struct uuid *subject)
{
    const struct backlog_clock now = backlog_now();
    unsigned shard = ids_shard(subject, shards);
    return backlog_overdue(backlog, shard, config->undecided_max_s, &now) ||
           backlog_auction_overdue(backlog, shard, subject, config->undecided_max_s, &now);
}
