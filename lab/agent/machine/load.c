// SPDX-License-Identifier: GPL-2.0-only
/* Loads the next kernel and starts it. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine/legacy.h"
#include "machine/load.h"
#include "ops.h"
#include "machine/source.h"
#include "machine/userspace.h"
#include "common/util.h"

/**
 * op_load() - Operation load: load the next kernel.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_load(struct request *r)
{
	const char *cmdline = request_get(r, "cmdline"), *via = request_get(r, "via");
	bool legacy = via && !strcmp(via, "legacy");
	uint64_t start = now_us();
	int kernel, initrd = -1;

	if (via && !legacy && strcmp(via, "file"))
		return fail_request(r, "via is file or legacy: %.80s", via);
	kernel = source_open(r, "kernel", "kernelSize");
	if (kernel >= 0 && request_get(r, "initrd"))
		initrd = source_open(r, "initrd", "initrdSize");
	if (!r->error) {
		put_u64(r, "readUs", now_us() - start);
		if (legacy)
			legacy_load(r, kernel, initrd, cmdline);
		else if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(cmdline) + 1, cmdline,
				 initrd < 0 ? (unsigned long)KEXEC_FILE_NO_INITRAMFS : 0ul))
			fail_errno(r, errno, "kexec_file_load");
	}
	if (initrd >= 0)
		source_close(initrd);
	if (kernel >= 0)
		source_close(kernel);
	return !r->error;
}

/**
 * op_unload() - Operation unload: forget the kernel that was loaded.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_unload(struct request *r)
{
	if (syscall(SYS_kexec_file_load, -1, -1, 0ul, NULL, (unsigned long)KEXEC_FILE_UNLOAD))
		return fail_errno(r, errno, "kexec_file_load(UNLOAD)");
	return true;
}

static uint64_t kexec_id;

/**
 * op_kexec() - Operation kexec: announce a kexec.
 * @r: the request
 *
 * The reply must reach the lab before this kernel ends. So the agent replies first and waits
 * for "ID go".
 *
 * Return: true, or false after the request has failed
 */
bool op_kexec(struct request *r)
{
	kexec_id = r->id;
	put_bool(r, "going", true);
	return true;
}

/**
 * op_go() - Operation go: start the next kernel.
 * @r: the request
 *
 * Another system as user space shuts down first and starts it itself. This process is there until
 * then.
 *
 * Return: true, or false after the request has failed
 */
bool op_go(struct request *r)
{
	if (!kexec_armed(r))
		return fail_request(r, "go without a kexec of the same number before it");
	kexec_id = 0;
	wire_flush();
	if (userspace_runs()) {
		if (!userspace_kexec())
			return fail_errno(r, errno, "signal to process 1");
		for (;;)
			pause();
	}
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	return fail_errno(r, errno, "reboot(KEXEC)");
}

/**
 * kexec_armed() - Tell whether a request is the "go" that an announced kexec waits for.
 * @r: the request
 *
 * Return: true if it is
 */
bool kexec_armed(const struct request *r)
{
	return kexec_id && r->id == kexec_id && !strcmp(r->op, "go");
}

/**
 * kexec_disarm() - Call off a kexec that was announced.
 * @id: where the number of its request goes
 *
 * Return: true if there was one
 */
bool kexec_disarm(uint64_t *id)
{
	*id = kexec_id;
	kexec_id = 0;
	return *id != 0;
}
