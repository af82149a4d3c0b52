/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/labobj: an object of the lab that LUO preserves. Every open() makes a new, empty one.
 *
 * LABOBJ_SETUP gives it its parts, once. Then its pages can be read, written and mapped like
 * those of a file of pages * 4096 bytes (lseek knows SEEK_END, SEEK_DATA and SEEK_HOLE).
 * LABOBJ_ARRAY_READ and LABOBJ_ARRAY_WRITE access the array, LABOBJ_INFO the state.
 */
#ifndef _UAPI_LINUX_LABOBJ_H
#define _UAPI_LINUX_LABOBJ_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define LABOBJ_LABEL 32

/* Versions for an object. If a version cannot hold it, preserve fails with EOPNOTSUPP. */
#define LABOBJ_OLDEST 1
#define LABOBJ_NEWEST 4

struct labobj_setup {
	__u64 pages;
	__u64 array;		  /* bytes; more than 64 KiB need version 4 */
	__u64 state;		  /* more than 32 bits need version 2 */
	char label[LABOBJ_LABEL]; /* NUL-padded; other than empty needs version 3 */
};

struct labobj_info {
	__u64 pages;
	__u64 array;
	__u64 state;
	char label[LABOBJ_LABEL];
	__u32 needs;   /* oldest version that can hold it now */
	__u32 arrived; /* version in which it arrived; 0 if this kernel made it */
};

struct labobj_array {
	__u64 offset; /* bytes */
	__u64 length;
	__u64 buffer; /* address in user space */
};

#define LABOBJ_SETUP	   _IOW('L', 1, struct labobj_setup)
#define LABOBJ_INFO	   _IOR('L', 2, struct labobj_info)
#define LABOBJ_ARRAY_READ  _IOW('L', 3, struct labobj_array)
#define LABOBJ_ARRAY_WRITE _IOW('L', 4, struct labobj_array)

#endif
