/*
 * The settings file of the deployment under test, which a test that runs alone may replace. Called by tests of limits
 * and of overload. The environment names the file: ROSTRUM_TEST_CONF.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_GATEWAY_SETTINGS_H
#define ROSTRUM_TESTS_SUPPORT_GATEWAY_SETTINGS_H

enum { GATEWAY_SETTINGS_SIZE = 8192 };

/* Reads the file into `text` and ends it with 0. A failure fails the test. */
void gateway_settings_read(char text[GATEWAY_SETTINGS_SIZE]);
/*
 * Writes the file, makes the gateway reload it, and waits for the end of each worker that has the settings from before.
 * New connections alone would not show that end: while a processor is busy, they all may reach the same worker.
 */
void gateway_settings_apply(const char *text);

#endif
