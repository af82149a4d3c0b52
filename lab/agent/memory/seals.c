// SPDX-License-Identifier: GPL-2.0-only
/* Seals of memfds by name. */
#define _GNU_SOURCE
#include "memory/seals.h"

#include <fcntl.h>
#include <string.h>

#include "common/util.h"
#include "compat.h"

static const struct {
	const char *name;
	unsigned int flag;
} seal_names[] = {
	{ "seal", F_SEAL_SEAL }, { "shrink", F_SEAL_SHRINK },
	{ "grow", F_SEAL_GROW }, { "write", F_SEAL_WRITE },
	{ "future_write", F_SEAL_FUTURE_WRITE }, { "exec", F_SEAL_EXEC },
};

#define SEALS ARRAY_SIZE(seal_names)

/**
 * parse_seals() - Read the list of seals in a request.
 * @r: the request
 * @seals: where the flags go; 0 if there is no such key
 *
 * Return: true, or false after the request has failed
 */
bool parse_seals(struct request *r, unsigned int *seals)
{
	const char *at = request_get(r, "seals");

	*seals = 0;
	while (at && *at) {
		size_t len = strcspn(at, ","), i;

		for (i = 0; i < SEALS; i++)
			if (strlen(seal_names[i].name) == len &&
			    !memcmp(seal_names[i].name, at, len))
				break;
		if (i == SEALS)
			return fail_request(r, "no such seal: %.*s", (int)(len > 80 ? 80 : len),
					    at);
		*seals |= seal_names[i].flag;
		at += len;
		if (*at == ',' && !*++at)
			return fail_request(r, "seals ends with a comma");
	}
	return true;
}

/**
 * put_seals() - Add seals to the reply as a list of names.
 * @r: the request
 * @seals: the flags
 */
void put_seals(struct request *r, unsigned int seals)
{
	bool begun = false;

	put_raw(r, "seals");
	text_str(r->body, "[");
	for (size_t i = 0; i < SEALS; i++) {
		if (!(seals & seal_names[i].flag))
			continue;
		if (begun)
			text_str(r->body, ",");
		begun = true;
		text_json(r->body, seal_names[i].name);
	}
	text_str(r->body, "]");
}
