/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors by name: sessions and files. */
#ifndef AGENT_REGISTRY_H
#define AGENT_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

struct registry {
	struct entry **slots;
	size_t size, count;
};

extern struct registry sessions, files;

int registry_get(const struct registry *g, const char *name);
bool registry_put(struct registry *g, const char *name, int fd);
int registry_take(struct registry *g, const char *name);

#endif
