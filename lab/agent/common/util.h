/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_UTIL_H
#define AGENT_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/compiler.h"

uint64_t now_us(void);
void pause_ms(unsigned int ms);
ssize_t read_small(const char *path, char *to, size_t room);
bool text_number_after(const char *text, const char *word, uint64_t *out);
int file_size(int fd, uint64_t *size);
int file_view(int fd);
int file_next_data(int fd, uint64_t size, uint64_t *at, uint64_t *first, uint64_t *count);

#define PAGE 4096u
#define PAGES_OF(bytes) (((uint64_t)(bytes) + PAGE - 1) / PAGE)

#endif
