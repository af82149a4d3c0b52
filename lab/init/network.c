// SPDX-License-Identifier: GPL-2.0-only
/* The network: the loopback interface, and the lab's own card with QEMU's user network. */
#define _GNU_SOURCE
#include "network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

#define LAB_MAC "52:54:00:4c:41:42"
#define ADDRESS "10.0.2.15"
#define NETMASK "255.255.255.0"
#define GATEWAY "10.0.2.2"

static void set_address(struct sockaddr *to, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(in, 0, sizeof(*in));
	in->sin_family = AF_INET;
	inet_pton(AF_INET, text, &in->sin_addr);
}

static void interface_up(int fd, const char *name, const char *address, const char *netmask)
{
	struct ifreq q = { 0 };

	memcpy(q.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	set_address(&q.ifr_addr, address);
	if (ioctl(fd, SIOCSIFADDR, &q))
		console_failed("network address");
	set_address(&q.ifr_netmask, netmask);
	if (ioctl(fd, SIOCSIFNETMASK, &q))
		console_failed("network mask");
	q.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &q))
		console_failed("network up");
}

/*
 * Finds the lab's own network card by its address (src/qemu/args.ts), because a scenario may
 * add others. Without such a card it takes the first one.
 */
static bool lab_ethernet(char *name)
{
	DIR *dir = opendir("/sys/class/net");
	char best[IFNAMSIZ] = "";
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[300], type[16], address[32];

		snprintf(path, sizeof(path), "/sys/class/net/%s/type", e->d_name);
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "lo") ||
		    strlen(e->d_name) >= IFNAMSIZ || !read_text(path, type, sizeof(type)) ||
		    atoi(type) != ARPHRD_ETHER)
			continue;
		if (!best[0] || strcmp(e->d_name, best) < 0)
			snprintf(best, sizeof(best), "%.15s", e->d_name);
		snprintf(path, sizeof(path), "/sys/class/net/%s/address", e->d_name);
		if (read_text(path, address, sizeof(address)) &&
		    !strncmp(address, LAB_MAC, strlen(LAB_MAC))) {
			snprintf(best, sizeof(best), "%.15s", e->d_name);
			break;
		}
	}
	if (dir)
		closedir(dir);
	memcpy(name, best, sizeof(best));
	return best[0];
}

/**
 * network_start() - Start the network.
 */
void network_start(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	char name[IFNAMSIZ];

	if (fd < 0) {
		console_failed("socket");
		return;
	}
	interface_up(fd, "lo", "127.0.0.1", "255.0.0.0");
	if (!lab_ethernet(name)) {
		errno = ENODEV;
		console_failed("network card");
	} else {
		interface_up(fd, name, ADDRESS, NETMASK);
		set_address(&route.rt_gateway, GATEWAY);
		set_address(&route.rt_dst, "0.0.0.0");
		set_address(&route.rt_genmask, "0.0.0.0");
		if (ioctl(fd, SIOCADDRT, &route))
			console_failed("default route");
	}
	close(fd);
}
