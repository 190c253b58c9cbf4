/*
 * See clock.h. Dates are computed with the proleptic Gregorian calendar and without the C library's time zones, because
 * server time is always UTC.
 */
#include "common/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

enum { DAY_MS = 86400000 };

static int64_t read_clock_us(clockid_t which)
{
    struct timespec now;
    int failed = clock_gettime(which, &now);
    assert(failed == 0);
    (void)failed;
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    return read_clock_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
    return read_clock_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_boot_us(void)
{
    return read_clock_us(CLOCK_BOOTTIME);
}

/* Days since 1970-01-01. Years start in March here, so that the leap day is the last day of the year. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static void put_digits(char *out, int count, int value)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

struct timeval clock_timeval(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

void clock_format(int64_t ms, char out[static CLOCK_TEXT_SIZE])
{
    int64_t days = ms / DAY_MS;
    int64_t rest = ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int year = 0;
    int month = 0;
    int day = 0;
    civil_from_days(days, &year, &month, &day);
    assert(year >= 0 && year <= 9999);
    int seconds = (int)(rest / 1000);
    static const char form[CLOCK_TEXT_SIZE] = "0000-00-00T00:00:00.000Z";
    for (int i = 0; i < CLOCK_TEXT_SIZE; i++) {
        out[i] = form[i];
    }
    put_digits(out, 4, year);
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, day);
    put_digits(out + 11, 2, seconds / 3600);
    put_digits(out + 14, 2, seconds / 60 % 60);
    put_digits(out + 17, 2, seconds % 60);
    put_digits(out + 20, 3, (int)(rest % 1000));
}

/* Reads exactly `count` digits and advances. */
static bool take_digits(const char **at, int count, int least, int most, int *value)
{
    int sum = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        sum = sum * 10 + (**at - '0');
    }
    *value = sum;
    return sum >= least && sum <= most;
}

static bool take_mark(const char **at, const char *allowed)
{
    for (const char *c = allowed; *c != '\0'; c++) {
        if (**at == *c) {
            (*at)++;
            return true;
        }
    }
    return false;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Converts ".123456" to 123; an absent fraction is 0. */
static bool take_fraction(const char **at, int *millis)
{
    *millis = 0;
    if (**at != '.') {
        return true;
    }
    (*at)++;
    int digits = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++, digits++) {
        if (digits < 3) {
            *millis = *millis * 10 + (**at - '0');
        }
    }
    for (int i = digits; i < 3; i++) {
        *millis *= 10;
    }
    return digits > 0;
}

/* "Z" or "+02:00", in minutes east of UTC. */
static bool take_offset(const char **at, int *minutes)
{
    *minutes = 0;
    if (take_mark(at, "Zz")) {
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    int hour = 0;
    int minute = 0;
    if (!take_mark(at, "+-") || !take_digits(at, 2, 0, 23, &hour) || !take_mark(at, ":") ||
        !take_digits(at, 2, 0, 59, &minute)) {
        return false;
    }
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool clock_parse(const char *text, int64_t *ms)
{
    const char *at = text;
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int millis = 0;
    int offset = 0;
    bool ok = take_digits(&at, 4, 0, 9999, &year) && take_mark(&at, "-") && take_digits(&at, 2, 1, 12, &month) &&
              take_mark(&at, "-") && take_digits(&at, 2, 1, 31, &day) && take_mark(&at, "Tt") &&
              take_digits(&at, 2, 0, 23, &hour) && take_mark(&at, ":") && take_digits(&at, 2, 0, 59, &minute) &&
              take_mark(&at, ":") && take_digits(&at, 2, 0, 59, &second) && take_fraction(&at, &millis) &&
              take_offset(&at, &offset) && *at == '\0';
    if (!ok || day > days_in_month(year, month)) {
        return false;
    }
    int64_t minutes = days_from_civil(year, month, day) * 1440 + (int64_t)hour * 60 + minute - offset;
    *ms = (minutes * 60 + second) * 1000 + millis;
    return true;
}
