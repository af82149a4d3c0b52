/* SPDX-License-Identifier: GPL-2.0-only */
/* Small helpers of init: the console, time, small files, the command line. */
#ifndef INIT_UTIL_H
#define INIT_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

double clock_seconds(clockid_t clock);
void console_open(void);
void console_say(const char *fmt, ...);
void console_failed(const char *what);
void pause_ms(long ms);
bool read_text(const char *path, char *to, size_t room);
bool write_text(const char *path, int mode, const char *text);
bool cmdline_parameter(const char *cmdline, const char *key, char *to, size_t room);

#endif
