/*
 * See command_request.h. Each step is a function of that name.
 */
#include "gateway/submit/command_request.h"

#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/key_header.h"
#include "gateway/http/reply.h"
#include "gateway/submit/prefer.h"

enum { LEAVE_WAIT_S = 3 }; /* as in the API */

static struct command_request *state_of(const struct request *request)
{
    return request->handler_state;
}

static const struct submit_family *family_of(const struct command_request *state)
{
    return state->shared->submissions->family;
}

static struct submit_ids ids_of(const struct command_request *state)
{
    return family_of(state)->ids_of_command(&state->submission.item.command);
}

static bool is_keyed(const struct command_request *state)
{
    return state->key[0] != '\0';
}

/* The hash of the idempotency key; NULL: it has none. */
static const char *key_hash_of(const struct command_request *state)
{
    return is_keyed(state) ? state->key_hash : NULL;
}

/* Whether Redis has an entry of the command while it is pending. */
static bool is_noted(const struct command_request *state)
{
    return state->sort < COMMAND_REQUEST_LEAVES || is_keyed(state);
}

/* ---- refusals ---- */

static void reply_refusal(struct request *request, enum error_code code)
{
    if (code == ERROR_RATE_LIMITED) {
        limits_refuse_client(request);
    } else {
        state_of(request)->kind->reply_refusal(request, code);
    }
}

static void forgotten(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    (void)reply; /* if Redis is unavailable, the key stays reserved */
    reply_refusal(request, state_of(request)->reason);
}

/* False: there is no entry to delete, or Redis is unavailable, and `done` is not called. */
static bool forget(struct request *request, redis_callback done)
{
    const struct command_request *state = state_of(request);
    const struct submit_ids ids = ids_of(state);
    return is_noted(state) && state->admission.verdict == ADMISSION_GRANTED &&
           admission_forget(request, &ids.id, key_hash_of(state), done, request);
}

void command_request_forget(struct request *request)
{
    bool forgetting = forget(request, NULL);
    (void)forgetting; /* without Redis, the entry expires by itself */
}

/* Releases the key before it answers: another worker may receive the retry, or another command with the same key. */
void command_request_refuse(struct request *request, enum error_code code)
{
    struct command_request *state = state_of(request);
    state->reason = code;
    bool awaited = forget(request, is_keyed(state) ? forgotten : NULL);
    if (!awaited || !is_keyed(state)) {
        reply_refusal(request, code);
    }
}

/* ---- publish and finish ---- */

void command_request_confirmed(struct request *request)
{
    const struct command_request *state = state_of(request);
    const struct submit_ids ids = ids_of(state);
    if (is_keyed(state)) {
        admission_mark_pending(request, &ids.id);
    }
}

void command_request_failed(struct request *request, bool sent)
{
    if (sent && is_keyed(state_of(request))) {
        reply_error(request, ERROR_UNAVAILABLE); /* its key stays reserved for the retry that the answer asks for */
    } else {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    }
}

/* A 202 would be a promise that is not kept in time. Other commands protect their user, or give back. */
static bool would_wait_too_long(const struct command_request *state)
{
    const struct command_requests *shared = state->shared;
    const struct submit_ids ids = ids_of(state);
    return state->sort == COMMAND_REQUEST_TAKES &&
           submitting_overdue(shared->backlog, shared->config, shared->deployment->facts.shards, &ids.subject);
}

void command_request_publish(struct request *request)
{
    const struct command_request *state = state_of(request);
    if (would_wait_too_long(state)) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    } else {
        state->kind->publish(request);
    }
}

/* ---- check ---- */

static void looked_for_key(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct command_request *state = state_of(request);
    union submit_decision decision;
    if (reply->outcome == PG_OK && family_of(state)->read_row(reply->result, 0, &decision)) {
        state->kind->reply_decided(request, &decision);
    } else {
        command_request_refuse(request, state->reason);
    }
}

/* Redis may have lost a key that the ledger has: a command that was accepted must not be answered as too late. */
static void refuse_unless_decided(struct request *request, enum error_code reason)
{
    struct command_request *state = state_of(request);
    const struct submit_ids ids = ids_of(state);
    state->reason = reason;
    if (!is_keyed(state) || !family_of(state)->find(state->shared->pg, &ids, 1, looked_for_key, request)) {
        command_request_refuse(request, reason);
    }
}

static void check(struct request *request)
{
    const struct command_request *state = state_of(request);
    enum error_code reason = ERROR_INTERNAL_ERROR;
    bool lasts = false;
    if (!state->kind->refused(request, &reason, &lasts)) {
        command_request_publish(request);
    } else if (!state->certain && !lasts) {
        /* A snapshot from Redis may be older than a change that a worker has committed since. */
        state->kind->confirm_snapshot(request);
    } else {
        refuse_unless_decided(request, reason);
    }
}

/* ---- load ---- */

void command_request_loaded(struct request *request, enum snapshots_outcome outcome)
{
    struct command_request *state = state_of(request);
    if (request_answered(request)) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    } else if (outcome == SNAPSHOTS_NONE) {
        command_request_refuse(request, ERROR_NOT_FOUND);
    } else if (outcome == SNAPSHOTS_UNKNOWN) {
        command_request_publish(request);
    } else {
        state->snapshot_known = true;
        state->certain = true;
        check(request);
    }
}

/* ---- a repetition: same key and body again ---- */

static void verify(struct request *request, verification_callback then)
{
    const struct command_request *state = state_of(request);
    if (state->sort == COMMAND_REQUEST_TAKES) {
        verification_ask(state->shared->verification, request, then);
    } else {
        then(request, VERIFICATION_YES);
    }
}

static void publish_again(struct request *request, enum verification_answer verified)
{
    struct command_request *state = state_of(request);
    if (verified == VERIFICATION_YES) {
        /* the first receipt came to nothing */
        family_of(state)->set_received_ms(&state->submission.item.command, request->received_ms);
        command_request_publish(request);
    } else {
        command_request_refuse(request, verified == VERIFICATION_NO ? ERROR_EMAIL_UNVERIFIED : ERROR_UNAVAILABLE);
    }
}

/*
 * The ledger does not have the command (`certain`), or PostgreSQL could not answer. In state a the first request may
 * still be under way, and may be refused because of the user's address: this one must not get around that. In state d
 * the ledger has lost the command, because PostgreSQL was restored from a backup.
 */
static void repeat_undecided(struct request *request, bool certain)
{
    const struct command_request *state = state_of(request);
    char entry = state->admission.state;
    if ((entry == 'a' || (entry == 'd' && certain)) && !request_answered(request)) {
        verify(request, publish_again);
    } else if (entry == 'p') {
        state->kind->reply_pending(request);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void found_again(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct command_request *state = state_of(request);
    union submit_decision decision;
    bool certain = reply->outcome == PG_OK;
    if (certain && family_of(state)->read_row(reply->result, 0, &decision)) {
        state->kind->reply_decided(request, &decision);
    } else {
        repeat_undecided(request, certain);
    }
}

/*
 * The command is not queued twice, but published again if the first attempt may have failed. The entry may be outdated
 * if Redis was unavailable when the command was decided.
 */
static void repeat(struct request *request)
{
    const struct command_request *state = state_of(request);
    const struct submit_ids ids = ids_of(state);
    if (state->admission.state == 'p' && state->wait_s > 0) {
        submission_wait(request);
    } else if (!family_of(state)->find(state->shared->pg, &ids, 1, found_again, request)) {
        repeat_undecided(request, false);
    }
}

/* ---- verify ---- */

static bool is_unchecked(const struct admission *admission)
{
    return admission->verdict == ADMISSION_UNCHECKED || admission->verdict == ADMISSION_MISSING;
}

/* All checks of the user have passed. */
static void verified(struct request *request, enum verification_answer answer)
{
    const struct command_request *state = state_of(request);
    if (request_answered(request) || answer == VERIFICATION_UNKNOWN) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
    } else if (answer == VERIFICATION_NO) {
        command_request_refuse(request, ERROR_EMAIL_UNVERIFIED);
    } else if (state->snapshot_known) {
        check(request);
    } else if (is_unchecked(&state->admission)) {
        command_request_publish(request);
    } else {
        state->kind->load_snapshot(request);
    }
}

void command_request_found(struct request *request)
{
    const struct command_request *state = state_of(request);
    if (state->admission.verdict == ADMISSION_KNOWN) {
        repeat(request);
    } else {
        verify(request, verified);
    }
}

/* ---- ask ---- */

static void ask(struct request *request);

static void asked(struct request *request)
{
    const struct command_request *state = state_of(request);
    if (request_answered(request)) {
        command_request_refuse(request, ERROR_UNAVAILABLE);
        return;
    }
    if (admission_reload(request, &state->admission, ask) || admission_refuse(request, &state->admission)) {
        return;
    }
    if (state->admission.verdict == ADMISSION_GRANTED) {
        limits_spent(request);
    }
    if (!limits_count_user(request)) {
        command_request_refuse(request, ERROR_RATE_LIMITED);
        return;
    }
    limits_headers(request, &state->admission.limit);
    if (state->kind->find != NULL) {
        state->kind->find(request);
    } else {
        command_request_found(request);
    }
}

/* A repetition has the receipt time of the first request, which its pending text says; a place says joinedAt. */
static void use_first_receipt_time(struct command_request *state)
{
    const char *pending = state->admission.pending;
    const char *text = NULL;
    struct json *tree = pending == NULL ? NULL : json_parse(pending, strlen(pending), NULL);
    int64_t received = 0;
    if ((json_get_text(tree, "receivedAt", &text) || json_get_text(tree, "joinedAt", &text)) &&
        clock_parse(text, &received)) {
        family_of(state)->set_received_ms(&state->submission.item.command, received);
    }
    json_free(tree);
    state->admission.pending = NULL; /* it was borrowed */
}

static void admission_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct command_request *state = state_of(request);
    state->admission = admission_read(request, reply);
    /* In state a the command is published again, with the receipt time of this request. */
    if (state->admission.verdict == ADMISSION_KNOWN && state->admission.state != 'a') {
        use_first_receipt_time(state);
    }
    if (--state->awaited == 0) {
        asked(request);
    }
}

static void snapshot_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct command_request *state = state_of(request);
    state->snapshot_known = state->kind->read_snapshot(request, reply);
    if (--state->awaited == 0) {
        asked(request);
    }
}

static const char *pending_text(struct request *request)
{
    struct jsonw *json = reply_json(request);
    size_t length = 0;
    state_of(request)->kind->write_pending(request, json);
    return jsonw_text(json, &length);
}

static void ask(struct request *request)
{
    struct command_request *state = state_of(request);
    const struct submit_ids ids = ids_of(state);
    const struct admission_bid entry = {.id = ids.id, .key_hash = key_hash_of(state), .pending = pending_text(request)};
    if (entry.pending == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    state->awaited = 1;
    if (!admission_ask(request, is_noted(state) ? &entry : NULL, admission_answered, request)) {
        state->awaited = 0;
        state->admission = admission_read(request, NULL);
        asked(request);
    } else if (!uuid_is_nil(&ids.subject) &&
               snapshot_loads_ask(state->shared->snapshots, &ids.subject, snapshot_answered, request)) {
        state->awaited++;
    }
}

/* ---- begin ---- */

struct command_request *command_request_begin(struct request *request, const struct command_requests *shared,
                                              const struct command_request_kind *kind, enum command_request_sort sort,
                                              size_t size)
{
    char key[IDEMPOTENCY_KEY_SIZE] = "";
    char wishes[PREFER_SIZE];
    if (sort != COMMAND_REQUEST_WITHDRAWS && !key_header_read(request, key)) {
        return NULL;
    }
    struct command_request *state = request_handler_state(request, size);
    if (state == NULL || !shared->deployment->known || timing_guard_withholds(shared->submissions->timing)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return NULL;
    }
    state->shared = shared;
    state->kind = kind;
    state->sort = sort;
    memcpy(state->key, key, sizeof(key));
    if (is_keyed(state)) {
        idempotency_key_hash(key, state->key_hash);
    }
    request_header_list(request, "Prefer", wishes, sizeof(wishes));
    state->wait_s = sort >= COMMAND_REQUEST_LEAVES ? LEAVE_WAIT_S : prefer_wait_s(wishes);
    state->receipt = sort < COMMAND_REQUEST_LEAVES && prefer_receipt(wishes);
    return state;
}

void command_request_send(struct request *request, const struct submission_kind *submission)
{
    const struct command_request *state = state_of(request);
    submission_begin(state->shared->submissions, request, submission, state->wait_s * 1000);
    ask(request);
}
