/* SPDX-License-Identifier: GPL-2.0-only */
/* Short names of the kernel for what the compiler offers. */
#ifndef AGENT_COMPILER_H
#define AGENT_COMPILER_H

#define __printf(format, first) __attribute__((__format__(printf, format, first)))
#define __packed __attribute__((__packed__))
/* The field has no room for the zero at the end of a string. */
#define __nonstring __attribute__((nonstring))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
