// SPDX-License-Identifier: GPL-2.0-only
/*
 * The agent is the lab's program inside the machine. It reads requests from standard input,
 * carries them out in order and answers on standard output. docs/agent-protocol.md describes
 * the protocol. When its input ends, it exits, and the kernel closes all that it held.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/bus-guard.h"
#include "common/lifetime.h"
#include "machine/failing.h"
#include "machine/load.h"
#include "ops.h"
#include "common/util.h"

#define CREATE_ALL "guest! kind! size! file! state! vcpus features devices huge"
#define CREATE_BARE "seed period batch"
#define KEYS_OF_ALL "fail retry"
#define CREATE_LINUX "kernel kernelSize cmdline initrd initrdSize"

/* The words of keys are the keys that a request may have. Those with "!" it must have. */
static const struct op {
	const char *name, *keys;
	handler *run;
} ops[] = {
	{ "hello", "", op_hello },
	{ "open", "", op_open },
	{ "create", "session! as", op_create },
	{ "retrieve-session", "session! as", op_retrieve_session },
	{ "memfd", "file! size! seed! holes huge seals pos noexec exec hugetlb", op_memfd },
	{ "object", "file! size! seed! array state label", op_object },
	{ "object-stat", "file! seed! array", op_object_stat },
	{ "versions", "", op_versions },
	{ "preserve", "session! file! token!", op_preserve },
	{ "retrieve", "session! token! file!", op_retrieve },
	{ "stat", "file!", op_stat },
	{ "verify", "file! size! seed! holes written", op_verify },
	{ "pfns", "file!", op_pfns },
	{ "finish", "session!", op_finish },
	{ "get-name", "session!", op_get_name },
	{ "link", "session file", op_link },
	{ "ioctl", "session file command! size! bytes without", op_ioctl },
	{ "descriptor", "file! kind!", op_descriptor },
	{ "open-path", "file! path! access!", op_open_path },
	{ "open-memfd", "file! size! noexec exec hugetlb sealing", op_open_memfd },
	{ "open-ioctl", "file! on! command! value bytes at", op_open_ioctl },
	{ "describe", "file!", op_describe },
	{ "write", "file! seed! first! count!", op_write },
	{ "truncate", "file! size!", op_truncate },
	{ "fallocate", "file! offset! length! how", op_fallocate },
	{ "seal", "file! seals!", op_seal },
	{ "reopen", "file! as! access!", op_reopen },
	{ "seek", "file! pos!", op_seek },
	{ "send", "at! session file", op_send },
	{ "receive", "at! session file", op_receive },
	{ "close", "session file", op_close },
	{ "load", "kernel! kernelSize initrd initrdSize cmdline! via", op_load },
	{ "unload", "", op_unload },
	{ "kexec", "", op_kexec },
	{ "go", "", op_go },
	{ "zones", "", op_zones },
	{ "settle", "", op_settle },
	{ "kmemleak", "ms!", op_kmemleak },
	{ "page-owners", "pfns!", op_page_owners },
	{ "page-stacks", "least!", op_page_stacks },
	{ "reserve-mem", "name! size", op_reserve_mem },
	{ "ssh", "key!", op_ssh },
	{ "renew", "time! seed!", op_renew },
	{ "userspace", "ms!", op_userspace },
	{ "vfio-bind", "address!", op_vfio_bind },
	{ "vfio-open", "device! address! via retrieved iommufd", op_vfio_open },
	{ "vfio-map", "device! file! iova! rights offset length", op_vfio_map },
	{ "vfio-unmap", "device! iova!", op_vfio_unmap },
	{ "vfio-attach", "device!", op_vfio_attach },
	{ "vfio-config", "device!", op_vfio_config },
	{ "vfio-region", "device! region! offset! length! width write", op_vfio_region },
	{ "vfio-irq", "device! ms trigger disarm", op_vfio_irq },
	{ "vfio-close", "device! unbind", op_vfio_close },
	{ "edu-dma", "device! direction! iova! offset! length! ms irq", op_edu_dma },
	{ "edu-start", "device! direction! iova! offset! length!", op_edu_start },
	{ "edu-wait", "device! ms", op_edu_wait },
	{ "edu-state", "device!", op_edu_state },
	{ "edu-set", "device! liveness factorial", op_edu_set },
	{ "guest-create", CREATE_ALL " " CREATE_BARE " " CREATE_LINUX, op_guest_create },
	{ "guest-run", "guest!", op_guest_run },
	{ "guest-pause", "guest!", op_guest_pause },
	{ "guest-save", "guest! version force", op_guest_save },
	{ "guest-restore", "guest! file! state! skip reads", op_guest_restore },
	{ "guest-resume", "guest!", op_guest_resume },
	{ "guest-stat", "guest!", op_guest_stat },
	{ "guest-wait", "guest! ms! ticks line", op_guest_wait },
	{ "guest-attach", "guest! device! reset", op_guest_attach },
	{ "guest-check", "file!", op_guest_check },
	{ "guest-close", "guest!", op_guest_close },
	{ "finalize", "", op_finalize },
	{ "die", "", op_die },
};

static bool key_is_listed(const char *keys, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = keys; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " !");

		if (word == len && !memcmp(at, key, len))
			return true;
		at += strcspn(at, " ");
	}
	return false;
}

static bool request_keys_fit(struct request *r, const char *keys)
{
	for (int i = 0; i < r->keys; i++)
		if (!key_is_listed(keys, r->key[i]) && !key_is_listed(KEYS_OF_ALL, r->key[i]))
			return fail_request(r, "%s has no key %.80s", r->op, r->key[i]);
	for (const char *at = keys; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " !");
		char key[32] = "";

		memcpy(key, at, word);
		if (at[word] == '!' && !request_get(r, key))
			return fail_request(r, "%s needs %s", r->op, key);
		at += strcspn(at, " ");
	}
	return true;
}

/* A request that was meant for an agent before this one must not be carried out. */
static bool hello_comes_first(struct request *r)
{
	static bool greeted;

	greeted = greeted || !strcmp(r->op, "hello");
	return greeted || fail_request(r, "%.80s before hello", r->op);
}

static handler *op_of_request;

static void request_run_op(void *arg)
{
	op_of_request(arg);
}

static void request_run_guarded(struct request *r)
{
	if (bus_guarded(request_run_op, r))
		return;
	r->body->len = 0;
	fail_errno(r, EIO, "SIGBUS in %s: a page of shared memory is missing", r->op);
}

static void request_carry_out(struct request *r)
{
	if (!hello_comes_first(r))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(ops[i].name, r->op))
			continue;
		op_of_request = ops[i].run;
		if (request_keys_fit(r, ops[i].keys))
			failing_run(r, request_run_guarded);
		return;
	}
	fail_request(r, "no such operation: %.80s", r->op);
}

/* A kexec that was announced happens with the very next line or not at all. */
static void kexec_call_off(struct text *body)
{
	struct request off = { .body = body,
			       .error = "NOGO",
			       .at = "kexec was not followed by go" };

	if (kexec_disarm(&off.id))
		wire_reply(&off, 0);
}

static void agent_prepare(void)
{
	struct rlimit limit = { 1048576, 1048576 };
	int fd;

	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_NOFILE, &limit) && !getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/*
	 * This process may use up the memory. Then the kernel shall kill it, and not the SSH
	 * server.
	 */
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "500", 3) < 0)
			(void)0;
		close(fd);
	}
}

/*
 * docs/agent-protocol.md: the first line of an agent, so that the lab sees that it is a new one.
 * Writing blocks until the lab has opened its end of the port.
 */
#define GREETING "{\"agent\":1}\n"
#define STARTED_FD 3 /* its end tells init that the agent has started */

static bool agent_greet(void)
{
	close(STARTED_FD);
	if (write(1, GREETING, strlen(GREETING)) == (ssize_t)strlen(GREETING))
		return true;
	pause_ms(1000); /* init replaces it at once */
	return false;
}

int main(int argc, char **argv)
{
	struct text body = { 0 };
	struct request r = { .body = &body };
	bool too_long;
	size_t len;
	char *line;

	agent_prepare();
	lifetime_of_first_thread();
	bus_guard_install();
	wire_start();
	if (argc == 2 && !strcmp(argv[1], "greet") && !agent_greet())
		return 1;
	while ((line = wire_line(&len, &too_long))) {
		uint64_t start = now_us();

		body.len = 0;
		r.reported = start;
		if (too_long) {
			kexec_call_off(&body);
			r.id = 0;
			fail_request(&r, "a request longer than %d bytes", LINE_MAX_BYTES);
		} else {
			bool parsed = request_parse(&r, line, len);

			if (!parsed || !kexec_armed(&r))
				kexec_call_off(&body);
			if (parsed)
				request_carry_out(&r);
		}
		wire_reply(&r, now_us() - start);
	}
	return 0;
}
