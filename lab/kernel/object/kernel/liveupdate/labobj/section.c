// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF section .liveupdate_versions, as proposed upstream: what this kernel reads, for tools
 * that look into its vmlinux. It has only build options. Nobody can see there what the command
 * line changes.
 */
#include <linux/compiler.h>

#include "labobj.h"
#include "stock.h"

#define MAGIC 0x4c565550 /* "LVUP" */
#define ENTRY_BYTES 48

#if defined(CONFIG_LAB_OBJECT_NOTATION_COMPOSITE)
#define ONE(version) OBJECT_NAME "-v" #version ";pages-v1;array-v1",
#elif defined(CONFIG_LAB_OBJECT_NOTATION_FDT)
#define ONE(version) OBJECT_NAME "-v" #version "\0"
#elif defined(CONFIG_LAB_OBJECT_NOTATION_INTEGER)
#define ONE(version) OBJECT_NAME " " #version,
#else
#define ONE(version) OBJECT_NAME "-v" #version,
#endif

#ifdef CONFIG_LAB_OBJECT_READS_1
#define READS_1 ONE(1)
#else
#define READS_1
#endif
#ifdef CONFIG_LAB_OBJECT_READS_2
#define READS_2 ONE(2)
#else
#define READS_2
#endif
#ifdef CONFIG_LAB_OBJECT_READS_3
#define READS_3 ONE(3)
#else
#define READS_3
#endif
#ifdef CONFIG_LAB_OBJECT_READS_4
#define READS_4 ONE(4)
#else
#define READS_4
#endif

/* One object, so that nothing can come between its parts. */
static const struct {
	u32 magic;
	u32 version;
	char entries[][ENTRY_BYTES];
} liveupdate_versions __used __aligned(8) __section(".liveupdate_versions") = {
	.magic = MAGIC,
	.version = 1,
	.entries = {
#define ENTRY(token) token,
		STOCK_COMPONENTS(ENTRY)
		/* The newest comes first, as in the compatible of a device tree. */
		READS_4 READS_3 READS_2 READS_1
	},
};
