// SPDX-License-Identifier: GPL-2.0-only
/* Gives a machine that was resumed from a saved state the time of day and fresh entropy. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"

#define SEED_MIN 16
#define SEED_MAX 64
#define NANOS_DIGITS 9
#define YEAR_2200 7258118400ULL

/* As struct rand_pool_info, which has an array without a length. */
struct seed {
	int entropy_bits, bytes;
	unsigned char data[SEED_MAX];
};

static bool time_parse(const char *text, struct timespec *t)
{
	const char *dot = strchr(text, '.'), *end = text + strlen(text);
	uint64_t seconds, nanos;

	if (!dot || end - dot - 1 != NANOS_DIGITS ||
	    !parse_decimal(text, dot, YEAR_2200, &seconds) ||
	    !parse_decimal(dot + 1, end, 999999999, &nanos))
		return false;
	t->tv_sec = (time_t)seconds;
	t->tv_nsec = (long)nanos;
	return true;
}

static unsigned char hex_value(char c)
{
	return (unsigned char)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool seed_parse(const char *hex, struct seed *to)
{
	size_t len = strlen(hex);

	if (len % 2 || len < 2 * SEED_MIN || len > 2 * SEED_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)hex[i]))
			return false;
	for (size_t i = 0; i < len; i += 2)
		to->data[i / 2] =
			(unsigned char)(hex_value(hex[i]) << 4 | hex_value(hex[i + 1]));
	to->bytes = (int)len / 2;
	to->entropy_bits = to->bytes * 8;
	return true;
}

/* The kernel gives out numbers from the new seed only after it has reseeded its generator. */
static bool entropy_add(struct request *r, const struct seed *seed)
{
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(r, errno, "open /dev/urandom");
	if (ioctl(fd, RNDADDENTROPY, seed))
		fail_errno(r, errno, "RNDADDENTROPY");
	else if (ioctl(fd, RNDRESEEDCRNG))
		fail_errno(r, errno, "RNDRESEEDCRNG");
	close(fd);
	return !r->error;
}

/**
 * op_renew() - Operation renew: set the clock, and make random numbers differ from those of any
 *   other machine that was resumed from the same state.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_renew(struct request *r)
{
	struct seed seed;
	struct timespec t;

	if (!time_parse(request_get(r, "time"), &t))
		return fail_request(r, "time is SECONDS.NANOS with %d digits of NANOS",
				    NANOS_DIGITS);
	if (!seed_parse(request_get(r, "seed"), &seed))
		return fail_request(r, "seed is %d to %d bytes in hexadecimal", SEED_MIN,
				    SEED_MAX);
	if (!entropy_add(r, &seed))
		return false;
	if (clock_settime(CLOCK_REALTIME, &t))
		return fail_errno(r, errno, "clock_settime");
	return true;
}
