// SPDX-License-Identifier: GPL-2.0-only
/* Makes the machine's host key. */
#define _GNU_SOURCE
#include "ssh/hostkey.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ssh/ed25519.h"
#include "ssh/sha256.h"

static void base64_encode(const unsigned char *from, size_t len, char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int bits = 0, held = 0;

	while (len--) {
		held = held << 8 | *from++;
		for (bits += 8; bits >= 6; bits -= 6)
			*to++ = digits[held >> (bits - 6) & 63];
	}
	if (bits)
		*to++ = digits[held << (6 - bits) & 63];
	*to = 0;
}

static size_t put_string(unsigned char *to, const void *from, size_t len)
{
	uint32_t big = htonl((uint32_t)len);

	memcpy(to, &big, 4);
	memcpy(to + 4, from, len);
	return 4 + len;
}

/**
 * hostkey_make() - Make a new host key in the server's own format.
 * @fingerprint: where its SHA-256 fingerprint goes, in base64 without padding
 *
 * dropbearkey would do the same. But on an emulated machine, starting it takes longer than
 * everything else here.
 *
 * Return: false if that fails, with errno set
 */
bool hostkey_make(char fingerprint[FINGERPRINT_ROOM])
{
	static const char type[] = "ssh-ed25519";
	unsigned char pair[64], blob[128], digest[32];
	size_t len = put_string(blob, type, strlen(type));
	int fd = open(HOST_KEY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = getrandom(pair, 32, 0) == 32;
	ed25519_public(pair, pair + 32);
	len += put_string(blob + len, pair, sizeof(pair));
	ok = ok && write(fd, blob, len) == (ssize_t)len;
	close(fd);
	len = put_string(blob, type, strlen(type));
	len += put_string(blob + len, pair + 32, 32);
	sha256(blob, len, digest);
	base64_encode(digest, sizeof(digest), fingerprint);
	return ok;
}
