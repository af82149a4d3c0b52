/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_UTIL_H
#define AGENT_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

uint64_t now_us(void);
void pause_ms(unsigned ms);
/* Whole small file as a string, without the last newline; -1 and errno if it cannot be read. */
ssize_t read_small(const char *path, char *to, size_t room);
/* The number after a word at the start of a line ("MemFree:"), as in /proc/meminfo. */
bool number_after(const char *text, const char *word, uint64_t *out);
/* Bytes of a file, of a character device too; -1 and errno where it has no end. The position stays. */
int file_size(int fd, uint64_t *size);
/* The page runs of a file that hold data (SEEK_DATA), one by one; *at is where to go on, in bytes. 0: no more, -1: errno. */
int next_data(int fd, uint64_t size, uint64_t *at, uint64_t *first, uint64_t *count);

#define PAGE 4096u
#define PAGES_OF(bytes) (((uint64_t)(bytes) + PAGE - 1) / PAGE)

#endif
