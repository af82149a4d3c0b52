// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the machine. It mounts file systems, starts the network and the SSH server,
 * writes the readiness mark, and then reaps children. docs/agent-protocol.md describes the
 * mark. If something fails, it writes "LAB-INIT-FAIL what: why" to the console and goes on with
 * the rest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ed25519.h"
#include "sha256.h"

#define LAB_MAC "52:54:00:4c:41:42"
#define ADDRESS "10.0.2.15"
#define NETMASK "255.255.255.0"
#define GATEWAY "10.0.2.2"
#define PORT 22
#define HOST_KEY "/run/hostkey"
#define PORT_NAME "lab.ready"
#define MARK_NAMES "\"bootId\":\"%s\",\"release\":\"%s\",\"hostkey\":\"%s\""
#define LISTEN_SECONDS 30
#define RESTARTS 5
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static int console = 2;

static double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void console_say(const char *fmt, ...)
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

static void console_failed(const char *what)
{
	console_say("LAB-INIT-FAIL %s: %s", what, strerror(errno));
}

static void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static bool read_text(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, to, room - 1);

	if (fd >= 0)
		close(fd);
	to[len > 0 ? len : 0] = 0;
	to[strcspn(to, "\n")] = 0;
	return len >= 0;
}

static bool write_text(const char *path, int mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- file systems ---- */

static void mount_all(void)
{
	static const struct { const char *type, *at, *options;
	} list[] = {
		{ "devtmpfs", "/dev", "mode=0755" },
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devpts", "/dev/pts", "ptmxmode=0666,mode=0620" },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "tmpfs", "/tmp", "mode=1777" },
		{ "tmpfs", "/run", "mode=0755" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		mkdir(list[i].at, 0755);
		if (mount(list[i].type, list[i].at, list[i].type, 0, list[i].options) &&
		    errno != EBUSY)
			console_failed(list[i].at);
	}
}

/* The kernel opened the console for us only if the root file system had a node for it. */
static void open_console(void)
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

/* ---- network ---- */

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

static void network_start(void)
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

/* ---- SSH ---- */

/* The value of a word on the kernel command line. If there are several, the last one counts. */
static bool cmdline_parameter(const char *cmdline, const char *key, char *to, size_t room)
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

static void authorize_key(const char *cmdline)
{
	char key[512], line[600];

	if (!cmdline_parameter(cmdline, "lab.key", key, sizeof(key))) {
		errno = ENOKEY;
		console_failed("lab.key");
		return;
	}
	/* SSH servers refuse a home or a key file that others can write to. */
	mkdir("/root", 0700);
	chmod("/root", 0700);
	mkdir("/root/.ssh", 0700);
	chmod("/root/.ssh", 0700);
	snprintf(line, sizeof(line), "ssh-ed25519 %s lab\n", key);
	if (!write_text("/root/.ssh/authorized_keys", 0600, line))
		console_failed("authorized_keys");
}

static pid_t start_program(char *const argv[], int out)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	setsid();
	if (out >= 0) {
		dup2(out, 1);
		dup2(out, 2);
	}
	execv(argv[0], argv);
	_exit(127);
}

static const char *find_program(const char *name, char *path, size_t room)
{
	static const char *const places[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, room, "%s/%s", places[i], name);
		if (!access(path, X_OK))
			return path;
	}
	console_failed(name);
	return NULL;
}

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

/*
 * Makes a new host key for this boot in the server's own format, and its fingerprint as clients
 * show it. dropbearkey would do the same. But on an emulated machine, starting it takes longer
 * than everything else here.
 */
static bool make_host_key(char *fingerprint)
{
	static const char type[] = "ssh-ed25519";
	unsigned char pair[64], blob[128], digest[32];
	size_t len = put_string(blob, type, strlen(type));
	int fd = open(HOST_KEY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0 || getrandom(pair, 32, 0) != 32)
		return false;
	ed25519_public(pair, pair + 32);
	len += put_string(blob + len, pair, sizeof(pair));
	ok = write(fd, blob, len) == (ssize_t)len;
	close(fd);
	len = put_string(blob, type, strlen(type));
	len += put_string(blob + len, pair + 32, 32);
	sha256(blob, len, digest);
	base64_encode(digest, sizeof(digest), fingerprint);
	return ok;
}

static pid_t start_server(void)
{
	static char path[64];
	static const char *const argv[] = {
		path, "-F", "-E", "-s", "-j", "-k", "-r", HOST_KEY, "-p", "22", "-W", "1048576",
		"-P", "/run/dropbear.pid", NULL,
	};
	int log;
	pid_t pid;

	if (!find_program("dropbear", path, sizeof(path)))
		return -1;
	log = open("/run/dropbear.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid = start_program((char *const *)argv, log);
	if (log >= 0)
		close(log);
	return pid;
}

static bool server_listens(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(INADDR_ANY) };
	bool taken;

	/*
	 * Connecting would make the server fork for nothing. If the port cannot be bound,
	 * somebody is listening on it.
	 */
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	taken = bind(fd, (struct sockaddr *)&to, sizeof(to)) && errno == EADDRINUSE;
	close(fd);
	return taken;
}

/* ---- readiness ---- */

static bool mark_port(const char *line)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	bool done = false;

	while (dir && !done && (e = readdir(dir))) {
		char path[300], name[64];
		int fd;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		if (e->d_name[0] == '.' || !read_text(path, name, sizeof(name)) ||
		    strcmp(name, PORT_NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		done = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
		if (!done)
			console_failed(path);
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
	return done;
}

static void announce_ready(const char *cmdline, const char *fingerprint)
{
	char epoch[20] = "0", boot_id[64] = "", line[512];
	struct utsname name;

	uname(&name);
	cmdline_parameter(cmdline, "lab.epoch", epoch, sizeof(epoch));
	read_text("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	snprintf(line, sizeof(line), "{\"ready\":1,\"epoch\":%d," MARK_NAMES ",\"mono\":%.3f}\n",
		 atoi(epoch), boot_id, name.release, fingerprint, clock_seconds(CLOCK_MONOTONIC));
	if (!mark_port(line)) {
		errno = ENODEV;
		console_failed("virtio-serial port " PORT_NAME);
	}
	line[strlen(line) - 1] = 0;
	console_say("LAB-READY %s", line);
}

static bool process_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

static bool wait_listening(pid_t server)
{
	double end = clock_seconds(CLOCK_MONOTONIC) + LISTEN_SECONDS;

	while (!server_listens()) {
		if (process_ended(server))
			return false;
		if (clock_seconds(CLOCK_MONOTONIC) > end) {
			errno = ETIMEDOUT;
			console_failed("dropbear does not listen");
			return false;
		}
		pause_ms(1);
	}
	return true;
}

/* Reaps children until that process has ended. If there is none, it never returns. */
static void reap_until(pid_t last)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) != last || pid < 0)
		if (pid < 0)
			pause_ms(1000);
	console_say("LAB-INIT-FAIL dropbear ended with status 0x%x", status);
}

int main(void)
{
	char cmdline[4096] = "", fingerprint[64] = "";
	double began = clock_seconds(CLOCK_MONOTONIC);
	bool announced = false;
	pid_t server;

	mount_all();
	open_console();
	umask(022);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	if (!write_text("/proc/self/oom_score_adj", 0644, "-1000"))
		console_failed("oom_score_adj");
	if (!make_host_key(fingerprint))
		console_failed("host key");
	/*
	 * The server starts slowly. It needs neither network nor key until somebody connects.
	 */
	server = start_server();
	if (!read_text("/proc/cmdline", cmdline, sizeof(cmdline)))
		console_failed("/proc/cmdline");
	authorize_key(cmdline);
	network_start();
	for (int restarts = 0;; restarts++) {
		if (server > 0 && wait_listening(server) && !announced) {
			announce_ready(cmdline, fingerprint);
			console_say("LAB-INIT %.3f s from its start to here",
				    clock_seconds(CLOCK_MONOTONIC) - began);
			announced = true;
		}
		reap_until(server);
		pause_ms(100);
		server = restarts < RESTARTS ? start_server() : -1;
	}
}
