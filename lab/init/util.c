// SPDX-License-Identifier: GPL-2.0-only
/* Small helpers of init: the console, time, small files, the command line. */
#define _GNU_SOURCE
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int console = 2;

/**
 * clock_seconds() - Read a clock.
 * @clock: the clock
 *
 * Return: its time in seconds
 */
double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/**
 * console_open() - Make the console standard input, output and error.
 *
 * The kernel opened the console for us only if the root file system had a node for it.
 */
void console_open(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0) {
		console_failed("/dev/console");
		return;
	}
	console = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/**
 * console_say() - Write a line to the console.
 * @fmt: format of the line
 * @...: arguments of @fmt
 */
void console_say(const char *fmt, ...)
{
	char line[2048];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	if (write(console, line, (size_t)len) < 0)
		return; /* nobody can be told */
}

/**
 * console_failed() - Write that something failed, with errno.
 * @what: what failed
 */
void console_failed(const char *what)
{
	console_say("LAB-INIT-FAIL %s: %s", what, strerror(errno));
}

/**
 * pause_ms() - Sleep.
 * @ms: how long, in milliseconds
 */
void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/**
 * read_text() - Read the first line of a small file.
 * @path: the file
 * @to: where the line goes
 * @room: size of @to
 *
 * Return: false if the file cannot be read
 */
bool read_text(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, to, room - 1);

	if (fd >= 0)
		close(fd);
	to[len > 0 ? len : 0] = 0;
	to[strcspn(to, "\n")] = 0;
	return len >= 0;
}

/**
 * write_text() - Write a small file.
 * @path: the file
 * @mode: its permissions
 * @text: its content
 *
 * Return: false if that fails
 */
bool write_text(const char *path, int mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/**
 * cmdline_parameter() - Find the value of a word on the kernel command line.
 * @cmdline: the command line
 * @key: the word in front of the =
 * @to: where the value goes
 * @room: size of @to
 *
 * If there are several, the last one counts.
 *
 * Return: false if there is none
 */
bool cmdline_parameter(const char *cmdline, const char *key, char *to, size_t room)
{
	size_t len = strlen(key);
	bool found = false;

	for (const char *at = cmdline; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word <= len || strncmp(at, key, len) || at[len] != '=' ||
		    word - len - 1 >= room)
			continue;
		memcpy(to, at + len + 1, word - len - 1);
		to[word - len - 1] = 0;
		found = true;
	}
	return found;
}
