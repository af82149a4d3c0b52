// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of any kind, under a name: a client can offer each of them to a session. The kernel
 * decides which ones it can preserve.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/registry.h"
#include "common/util.h"
#include "compat.h"
#include "ops.h"

#define VM_PAGES 16ull /* of a guest_memfd without a size */
#define ARGUMENT_MAX 4096u

static int new_eventfd(struct request *r)
{
	(void)r;
	return eventfd(0, EFD_CLOEXEC);
}

/* Keeps the end that reads. */
static int new_pipe(struct request *r)
{
	int ends[2];

	(void)r;
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	close(ends[1]);
	return ends[0];
}

static int new_socket(struct request *r)
{
	(void)r;
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int new_timerfd(struct request *r)
{
	(void)r;
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static int new_signalfd(struct request *r)
{
	sigset_t none;

	(void)r;
	sigemptyset(&none);
	return signalfd(-1, &none, SFD_CLOEXEC);
}

static int new_epoll(struct request *r)
{
	(void)r;
	return epoll_create1(EPOLL_CLOEXEC);
}

static int new_inotify(struct request *r)
{
	(void)r;
	return inotify_init1(IN_CLOEXEC);
}

static int new_pidfd(struct request *r)
{
	(void)r;
	return (int)syscall(SYS_pidfd_open, getpid(), 0);
}

static int new_memfd_secret(struct request *r)
{
	(void)r;
	return (int)syscall(SYS_memfd_secret, O_CLOEXEC);
}

static int new_iommufd(struct request *r)
{
	(void)r;
	return open("/dev/iommu", O_RDWR | O_CLOEXEC);
}

/* A machine of KVM. */
static int new_kvm_vm(struct request *r)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, why;

	(void)r;
	if (kvm < 0)
		return -1;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	why = errno;
	close(kvm);
	errno = why;
	return vm;
}

/* The descriptor keeps its machine. */
static int new_of_vm(struct request *r, unsigned long command, void *arg)
{
	int vm = new_kvm_vm(r), fd, why;

	if (vm < 0)
		return -1;
	fd = ioctl(vm, command, arg);
	why = errno;
	close(vm);
	errno = why;
	return fd;
}

static int new_kvm_vcpu(struct request *r)
{
	return new_of_vm(r, KVM_CREATE_VCPU, NULL);
}

static int new_guest_memfd(struct request *r)
{
	struct kvm_guest_memfd_arg arg = { .size = VM_PAGES * PAGE };

	return new_of_vm(r, KVM_GUEST_MEMFD, &arg);
}

static const struct {
	const char *name;
	int (*make)(struct request *r);
} kinds[] = {
	{ "eventfd", new_eventfd },   { "pipe", new_pipe },
	{ "socket", new_socket },     { "timerfd", new_timerfd },
	{ "signalfd", new_signalfd }, { "epoll", new_epoll },
	{ "inotify", new_inotify },   { "pidfd", new_pidfd },
	{ "iommufd", new_iommufd },   { "memfd-secret", new_memfd_secret },
	{ "kvm-vm", new_kvm_vm },     { "kvm-vcpu", new_kvm_vcpu },
	{ "guest-memfd", new_guest_memfd },
};

static bool descriptor_take(struct request *r, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (registry_put(&files, request_get(r, "file"), fd))
		put_bool(r, "replaced", true);
	return true;
}

static bool descriptor_flag(struct request *r, const char *key, bool *set)
{
	uint64_t value = 0;

	if (request_get(r, key) && !request_number(r, key, 1, &value))
		return false;
	*set = value == 1;
	return true;
}

/**
 * op_descriptor() - Operation descriptor: make a descriptor of a kind without content.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_descriptor(struct request *r)
{
	const char *kind = request_get(r, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd;

		if (strcmp(kinds[i].name, kind))
			continue;
		fd = kinds[i].make(r);
		return fd < 0 ? fail_errno(r, errno, "new %s", kind) : descriptor_take(r, fd);
	}
	return fail_request(r, "no such kind of descriptor: %.80s", kind);
}

/**
 * op_open_path() - Operation open-path: open a path.
 * @r: the request
 *
 * A path that would block is no reason to wait: it is opened with O_NONBLOCK, which is taken away
 * afterwards.
 *
 * Return: true, or false after the request has failed
 */
bool op_open_path(struct request *r)
{
	static const struct {
		const char *name;
		int flags;
	} accesses[] = {
		{ "r", O_RDONLY },
		{ "w", O_WRONLY },
		{ "rw", O_RDWR },
		{ "path", O_PATH },
	};
	const char *access = request_get(r, "access"), *path = request_get(r, "path");

	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		int fd;

		if (strcmp(accesses[i].name, access))
			continue;
		fd = open(path, accesses[i].flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return fail_errno(r, errno, "open %.200s", path);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		return descriptor_take(r, fd);
	}
	return fail_request(r, "access is r, w, rw or path: %.80s", access);
}

/**
 * op_open_memfd() - Operation open-memfd: make an empty memfd of a size, with any flags.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_open_memfd(struct request *r)
{
	bool noexec, exec, hugetlb, sealing;
	uint64_t size = 0;
	unsigned int flags;
	int fd;

	if (!request_number(r, "size", INT64_MAX, &size) ||
	    !descriptor_flag(r, "noexec", &noexec) || !descriptor_flag(r, "exec", &exec) ||
	    !descriptor_flag(r, "hugetlb", &hugetlb) || !descriptor_flag(r, "sealing", &sealing))
		return false;
	flags = (noexec ? MFD_NOEXEC_SEAL : 0) | (exec ? MFD_EXEC : 0) |
		(hugetlb ? MFD_HUGETLB : 0) | (sealing ? MFD_ALLOW_SEALING : 0);
	fd = memfd_create(request_get(r, "file"), MFD_CLOEXEC | flags);
	if (fd < 0)
		return fail_errno(r, errno, "memfd_create");
	if (ftruncate(fd, (off_t)size)) {
		fail_errno(r, errno, "ftruncate");
		close(fd);
		return false;
	}
	return descriptor_take(r, fd);
}

static bool descriptor_hex(struct request *r, const char *text, unsigned char *to)
{
	size_t digits = strlen(text);

	if (digits % 2 || digits / 2 > ARGUMENT_MAX)
		return fail_request(r, "bytes has an even number of digits, up to %u",
				    2 * ARGUMENT_MAX);
	for (size_t i = 0; i < digits; i += 2) {
		unsigned int byte;

		if (strspn(text + i, "0123456789abcdef") < 2 || sscanf(text + i, "%2x", &byte) != 1)
			return fail_request(r, "bytes has digits 0-9 and a-f");
		to[i / 2] = (unsigned char)byte;
	}
	return true;
}

/**
 * op_open_ioctl() - Operation open-ioctl: take the descriptor that an ioctl returns.
 * @r: the request
 *
 * The argument is bytes, then zeros, or a plain value. With at=, the descriptor is a number of 32
 * bits at that offset of the argument; without it, the answer of the call.
 *
 * Return: true, or false after the request has failed
 */
bool op_open_ioctl(struct request *r)
{
	static unsigned char argument[ARGUMENT_MAX + 4096];
	const char *on = request_get(r, "on"), *bytes = request_get(r, "bytes");
	int of = registry_get(&files, on), next, fd;
	uint64_t command = 0, value = 0, at = 0;

	if (of < 0)
		return fail_handle(r, "file", on);
	memset(argument, 0, sizeof(argument));
	if (!request_number(r, "command", UINT32_MAX, &command) ||
	    (request_get(r, "value") && !request_number(r, "value", UINT64_MAX, &value)) ||
	    (request_get(r, "at") && !request_number(r, "at", ARGUMENT_MAX - 4, &at)) ||
	    (bytes && !descriptor_hex(r, bytes, argument)))
		return false;
	next = fcntl(of, F_DUPFD_CLOEXEC, 0);
	if (next < 0)
		return fail_errno(r, errno, "dup");
	close(next);
	fd = bytes ? ioctl(of, (unsigned long)command, argument) :
		     ioctl(of, (unsigned long)command, (unsigned long)value);
	if (fd < 0)
		return fail_errno(r, errno, "ioctl %#llx", (unsigned long long)command);
	if (request_get(r, "at"))
		memcpy(&fd, argument + at, sizeof(fd));
	/*
	 * Many ioctls answer with another number, which may be a descriptor of something else. A
	 * new one has the lowest free number.
	 */
	if (fd != next || fcntl(fd, F_GETFD) < 0)
		return fail_errno(r, EBADF, "ioctl %#llx made no descriptor",
				  (unsigned long long)command);
	return descriptor_take(r, fd);
}

static const char *descriptor_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFDIR:
		return "directory";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "anonymous";
	}
}

/**
 * op_describe() - Operation describe: what the kernel says about any descriptor.
 * @r: the request
 *
 * It reads nothing through the descriptor and changes nothing.
 *
 * Return: true, or false after the request has failed
 */
bool op_describe(struct request *r)
{
	static const char *const accesses[] = { "r", "w", "rw", "none" };
	const char *name = request_get(r, "file");
	int fd = registry_get(&files, name), flags;
	char path[64], link[512];
	struct stat st;
	ssize_t len;
	off_t pos;

	if (fd < 0)
		return fail_handle(r, "file", name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link) - 1);
	flags = fcntl(fd, F_GETFL);
	if (len < 0 || flags < 0 || fstat(fd, &st))
		return fail_errno(r, errno, "describe %s", path);
	link[len] = '\0';
	pos = lseek(fd, 0, SEEK_CUR);
	put_str(r, "link", link);
	put_str(r, "type", descriptor_type(st.st_mode));
	put_str(r, "access", accesses[flags & O_ACCMODE]);
	put_u64(r, "size", (uint64_t)st.st_size);
	put_u64(r, "position", pos < 0 ? 0 : (uint64_t)pos);
	put_u64(r, "mode", st.st_mode & 07777);
	put_u64(r, "major", major(st.st_rdev));
	put_u64(r, "minor", minor(st.st_rdev));
	return true;
}
