/*
 * See submission.h.
 */
#include "gateway/submit/submission.h"

#include <assert.h>

#include "common/base/clock.h"
#include "gateway/http/reply.h"

enum { WAIT_MARGIN_MS = 2000 }; /* beyond the wait: time for the sweeps and the last query of the ledger */

enum end { END_DECIDED, END_PENDING, END_UNKNOWN, END_FAILED, END_UNSENT };

#define BIT(state) (1U << (unsigned)(state))
static const unsigned next_states[] = {
    [SUBMISSION_NEW] = BIT(SUBMISSION_PUBLISHED) | BIT(SUBMISSION_CONFIRMED) | BIT(SUBMISSION_ENDED),
    [SUBMISSION_PUBLISHED] = BIT(SUBMISSION_EARLY) | BIT(SUBMISSION_CONFIRMED) | BIT(SUBMISSION_ENDED),
    [SUBMISSION_EARLY] = BIT(SUBMISSION_ENDED),
    [SUBMISSION_CONFIRMED] = BIT(SUBMISSION_ENDED),
    [SUBMISSION_ENDED] = 0,
};
static_assert(ARRAY_LEN(next_states) == SUBMISSION_STATE_COUNT, "each state has its next ones");

static struct submission *submission_of(const struct request *request)
{
    return request->handler_state;
}

struct command *submission_command(const struct request *request)
{
    return &submission_of(request)->item.command.bid;
}

struct sale_message_command *submission_sale_command(const struct request *request)
{
    return &submission_of(request)->item.command.sale;
}

static struct submit_ids ids_of(const struct submission *submission)
{
    return submission->submissions->family->ids_of_command(&submission->item.command);
}

static void set_state(struct submission *submission, enum submission_state state)
{
    assert((next_states[submission->state] & BIT(state)) != 0);
    submission->state = state;
}

/* ---- answers ---- */

static void write_unknown(struct request *request)
{
    const struct submission *submission = submission_of(request);
    const struct submit_ids ids = ids_of(submission);
    struct jsonw *json = reply_error_begin(request, ERROR_UNAVAILABLE);
    jsonw_put_uuid(json, submission->kind->id_member, &ids.id);
    jsonw_put_string(json, "outcome", "unknown");
}

static void end(struct submission *submission, enum end reason)
{
    struct request *request = submission->request;
    const struct submission_kind *kind = submission->kind;
    waiters_remove(submission->submissions->waiters, &submission->waiter);
    set_state(submission, SUBMISSION_ENDED);
    switch (reason) {
    case END_DECIDED:
        kind->decided(request, &submission->decision);
        break;
    case END_PENDING:
        kind->pending(request);
        break;
    case END_UNKNOWN:
        write_unknown(request);
        reply_error_send(request, ERROR_UNAVAILABLE);
        break;
    case END_FAILED:
    case END_UNSENT:
        kind->failed(request, reason == END_FAILED);
        break;
    }
}

void submission_change_pending(struct request *request)
{
    const struct submission *submission = submission_of(request);
    const struct submit_ids ids = ids_of(submission);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_uuid(json, submission->kind->id_member, &ids.id);
    jsonw_put_string(json, "status", "pending");
    jsonw_put_string(json, "message", "The change was submitted for processing");
    jsonw_put_time(json, "receivedAt", request->received_ms);
    jsonw_end_object(json);
    reply_send(request, 202);
}

void submission_change_failed(struct request *request, bool sent)
{
    (void)sent;
    reply_error(request, ERROR_UNAVAILABLE);
}

/* At the request's deadline the client is answered. The request ends with the verdict or the decision. */
static void on_deadline(struct request *request)
{
    const struct submission *submission = submission_of(request);
    if (submission->state == SUBMISSION_NEW || submission->state == SUBMISSION_ENDED) {
        reply_answer_error(request, ERROR_UNAVAILABLE);
    } else {
        write_unknown(request);
        reply_error_answer(request, ERROR_UNAVAILABLE);
    }
}

/* ---- the decision ---- */

static void on_wait_ended(struct waiter *waiter, const union submit_decision *decision)
{
    struct submission *submission = waiter->arg;
    if (decision != NULL) {
        submission->decision = *decision;
    }
    if (submission->state == SUBMISSION_CONFIRMED) {
        end(submission, decision == NULL ? END_PENDING : END_DECIDED);
    } else if (decision != NULL) {
        set_state(submission, SUBMISSION_EARLY);
    }
}

static void start_waiting(struct submission *submission)
{
    submission->waiter = (struct waiter){
        .ids = ids_of(submission),
        .until_ms = clock_mono_ms() + submission->wait_ms,
        .done = on_wait_ended,
        .arg = submission,
    };
    waiters_add(submission->submissions->waiters, &submission->waiter);
}

static void wait_confirmed(struct submission *submission)
{
    set_state(submission, SUBMISSION_CONFIRMED);
    request_set_deadline(submission->request, (int64_t)submission->wait_ms + WAIT_MARGIN_MS, on_deadline);
}

void submission_wait(struct request *request)
{
    struct submission *submission = submission_of(request);
    start_waiting(submission);
    wait_confirmed(submission);
}

/* ---- publishing ---- */

static void confirmed(struct submission *submission)
{
    submission->confirmed_us = clock_boot_us();
    if (submission->kind->confirmed != NULL) {
        submission->kind->confirmed(submission->request);
    }
    if (submission->state == SUBMISSION_EARLY) {
        end(submission, END_DECIDED);
    } else if (submission->waiter.entered) {
        wait_confirmed(submission);
    } else {
        end(submission, END_PENDING); /* no wait was asked for, or it ended before the confirm */
    }
}

static void published(struct publisher_item *item, enum publisher_verdict verdict)
{
    struct submission *submission = item->arg;
    if (verdict == PUBLISHER_CONFIRMED) {
        confirmed(submission);
    } else if (submission->state == SUBMISSION_EARLY) {
        end(submission, END_DECIDED);
    } else {
        end(submission, verdict == PUBLISHER_UNKNOWN ? END_UNKNOWN : END_FAILED);
    }
}

void submission_publish(struct request *request)
{
    struct submission *submission = submission_of(request);
    submission->item.received_boot_ms = request->start_us / 1000;
    submission->item.done = published;
    submission->item.arg = submission;
    if (submission->wait_ms > 0) {
        submission->submissions->family->set_reply_to(&submission->item.command, &submission->submissions->id);
    }
    /* The state is set after this call: verdict and decision come from the loop, never from within it. */
    if (request_answered(request) || timing_guard_withholds(submission->submissions->timing) ||
        !publisher_submit(submission->submissions->publisher, &submission->item)) {
        end(submission, END_UNSENT);
        return;
    }
    set_state(submission, SUBMISSION_PUBLISHED);
    if (submission->wait_ms > 0) {
        start_waiting(submission);
    }
}

void submission_begin(const struct submissions *submissions, struct request *request,
                      const struct submission_kind *kind, int wait_ms)
{
    struct submission *submission = submission_of(request);
    submission->submissions = submissions;
    submission->kind = kind;
    submission->request = request;
    submission->wait_ms = wait_ms;
    request_set_late(request, on_deadline);
}
