/*
 * Runs one command in the deployment's Redis, for tests that change or remove what the programs stored there.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_REDIS_RUN_H
#define ROSTRUM_TESTS_SUPPORT_REDIS_RUN_H

/* Fails the test unless the reply is an integer or a status. Uses the Redis of ROSTRUM_REDIS_URL. */
void redis_run(int count, const char *const *command);
/* The same for a command with an integer as its reply. */
long long redis_number(int count, const char *const *command);

/*
 * Removes what Redis holds of this user's bids and keys and of this auction, as a restart of Redis without its data
 * does. The sessions stay.
 */
void redis_forget(const char *user_id, const char *auction_id);

#endif
