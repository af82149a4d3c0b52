// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of its own: it hands a memfd over and takes it back, and compares nothing. It shows
 * that the lab judges a program of which it knows nothing. No C library, so that the machine's
 * initramfs stays small.
 *
 *   keeper preserve SESSION TOKEN PAGES
 *   keeper retrieve SESSION TOKEN
 *
 * It goes on in the background and holds its descriptors until its kernel ends.
 */
#include <asm/unistd.h>
#include <linux/types.h>

#define PAGE 4096
#define O_RDWR 2
#define MFD_ALLOW_SEALING 2
#define SIGNALS_OF_CHILD 17
#define LUO_CREATE_SESSION 0xba00
#define LUO_RETRIEVE_SESSION 0xba01
#define LUO_PRESERVE_FD 0xba40
#define LUO_RETRIEVE_FD 0xba41
#define LUO_FINISH 0xba42

struct session_arg {
	__u32 size;
	__s32 fd;
	__u8 name[64];
};

struct fd_arg {
	__u32 size;
	__s32 fd;
	__u64 token;
};

struct finish_arg {
	__u32 size;
	__u32 reserved;
};

static long call(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return result;
}

static void say(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	call(__NR_write, 2, (long)text, length);
	call(__NR_write, 2, (long)"\n", 1);
}

static void die(const char *what)
{
	say(what);
	call(__NR_exit_group, 1, 0, 0);
}

static long must(long result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static __u64 number(const char *text)
{
	__u64 value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (*text - '0');
	return value;
}

static int session(long request, const char *name)
{
	struct session_arg arg = { .size = sizeof(arg), .fd = -1 };
	long device = must(call(__NR_open, (long)"/dev/liveupdate", O_RDWR, 0), "open");
	unsigned int i;

	for (i = 0; i < sizeof(arg.name) && name[i]; i++)
		arg.name[i] = name[i];
	must(call(__NR_ioctl, device, request, (long)&arg), "session");
	return arg.fd;
}

static void preserve(const char *name, __u64 token, __u64 pages)
{
	static __u64 page[PAGE / sizeof(__u64)];
	struct fd_arg arg = { .size = sizeof(arg), .token = token };
	int held = session(LUO_CREATE_SESSION, name);
	__u64 state = 0x9e3779b97f4a7c15ULL;
	__u64 i;
	unsigned int word;

	arg.fd = must(call(__NR_memfd_create, (long)"keeper", MFD_ALLOW_SEALING, 0), "memfd");
	for (i = 0; i < pages; i++) {
		for (word = 0; word < PAGE / sizeof(__u64); word++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			page[word] = state;
		}
		if (call(__NR_write, arg.fd, (long)page, PAGE) != PAGE)
			die("write");
	}
	must(call(__NR_ioctl, held, LUO_PRESERVE_FD, (long)&arg), "preserve");
}

static void retrieve(const char *name, __u64 token)
{
	struct fd_arg arg = { .size = sizeof(arg), .fd = -1, .token = token };
	struct finish_arg finish = { .size = sizeof(finish) };
	int held = session(LUO_RETRIEVE_SESSION, name);

	must(call(__NR_ioctl, held, LUO_RETRIEVE_FD, (long)&arg), "retrieve");
	must(call(__NR_ioctl, held, LUO_FINISH, (long)&finish), "finish");
}

/* The parent ends, so that its caller goes on; the child holds the descriptors. */
static void stay(void)
{
	if (must(call(__NR_clone, SIGNALS_OF_CHILD, 0, 0), "clone") > 0)
		call(__NR_exit_group, 0, 0, 0);
	call(__NR_setsid, 0, 0, 0);
	for (int fd = 0; fd < 3; fd++)
		call(__NR_close, fd, 0, 0);
	for (;;)
		call(__NR_pause, 0, 0, 0);
}

/**
 * run() - does what the command line says
 * @stack: the process's first stack: the number of arguments, then the arguments
 *
 * It does not return.
 */
__attribute__((used)) void run(long *stack)
{
	char **argv = (char **)(stack + 1);

	if (stack[0] == 5 && argv[1][0] == 'p')
		preserve(argv[2], number(argv[3]), number(argv[4]));
	else if (stack[0] == 4 && argv[1][0] == 'r')
		retrieve(argv[2], number(argv[3]));
	else
		die("keeper preserve SESSION TOKEN PAGES | keeper retrieve SESSION TOKEN");
	stay();
}

/**
 * _start() - where the kernel starts the program
 */
__attribute__((naked, used)) void _start(void)
{
	asm volatile("xor %ebp, %ebp; mov %rsp, %rdi; and $-16, %rsp; call run");
}
