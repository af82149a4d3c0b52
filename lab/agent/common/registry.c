// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors by name: sessions and files. */
#define _GNU_SOURCE
#include "common/registry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
	struct entry *next;
	int fd;
	char name[];
};

struct registry sessions, files;

static size_t registry_slot(const struct registry *g, const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return hash & (g->size - 1);
}

static struct entry **registry_find(const struct registry *g, const char *name)
{
	if (!g->size)
		return NULL;
	for (struct entry **at = &g->slots[registry_slot(g, name)]; *at; at = &(*at)->next)
		if (!strcmp((*at)->name, name))
			return at;
	return NULL;
}

static void registry_grow(struct registry *g)
{
	struct registry bigger = { .size = g->size ? g->size * 2 : 64, .count = g->count };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		_exit(12);
	for (size_t i = 0; i < g->size; i++) {
		for (struct entry *e = g->slots[i], *next; e; e = next) {
			struct entry **slot = &bigger.slots[registry_slot(&bigger, e->name)];

			next = e->next;
			e->next = *slot;
			*slot = e;
		}
	}
	free(g->slots);
	*g = bigger;
}

/**
 * registry_get() - Look a descriptor up.
 * @g: the table
 * @name: its name
 *
 * Return: the descriptor, or -1 if the name is not known
 */
int registry_get(const struct registry *g, const char *name)
{
	struct entry **at = registry_find(g, name);

	return at ? (*at)->fd : -1;
}

/**
 * registry_put() - Keep a descriptor under a name.
 * @g: the table
 * @name: the name
 * @fd: the descriptor
 *
 * If the name is taken, the older descriptor stays open without a name. Closing it would change
 * what the kernel does.
 *
 * Return: true if the name was taken
 */
bool registry_put(struct registry *g, const char *name, int fd)
{
	struct entry **at = registry_find(g, name);
	size_t len = strlen(name) + 1;

	if (at) {
		(*at)->fd = fd;
		return true;
	}
	if (g->count == g->size)
		registry_grow(g);

	struct entry *e = malloc(sizeof(*e) + len);

	if (!e)
		_exit(12);
	e->fd = fd;
	memcpy(e->name, name, len);
	at = &g->slots[registry_slot(g, name)];
	e->next = *at;
	*at = e;
	g->count++;
	return false;
}

/**
 * registry_take() - Remove a name.
 * @g: the table
 * @name: the name
 *
 * Return: the descriptor, which the caller now owns, or -1 if the name is not known
 */
int registry_take(struct registry *g, const char *name)
{
	struct entry **at = registry_find(g, name), *e;
	int fd;

	if (!at)
		return -1;
	e = *at;
	fd = e->fd;
	*at = e->next;
	g->count--;
	free(e);
	return fd;
}
