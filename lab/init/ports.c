// SPDX-License-Identifier: GPL-2.0-only
/* Virtio-serial ports by name (drivers/char/virtio_console.c). */
#define _GNU_SOURCE
#include "ports.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define PORTS "/sys/class/virtio-ports"

/**
 * port_find() - Find the device of a virtio-serial port.
 * @name: the port's name, as QEMU was given it
 * @path: where the path of the device goes
 * @room: size of @path
 *
 * Return: false if there is no such port
 */
bool port_find(const char *name, char *path, size_t room)
{
	DIR *dir = opendir(PORTS);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		char at[300], text[64];

		if (e->d_name[0] == '.')
			continue;
		snprintf(at, sizeof(at), PORTS "/%s/name", e->d_name);
		if (!read_text(at, text, sizeof(text)) || strcmp(text, name))
			continue;
		found = snprintf(path, room, "/dev/%s", e->d_name) < (int)room;
	}
	if (dir)
		closedir(dir);
	return found;
}
