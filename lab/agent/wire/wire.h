/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests in, replies out: lines, keys, percent-encoding, JSON. docs/agent-protocol.md
 * describes them.
 */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compiler.h"

#define LINE_MAX_BYTES 65536
#define KEYS_MAX 24

/* A text buffer that grows. */
struct text {
	char *at;
	size_t len, cap;
};

void text_add(struct text *t, const char *bytes, size_t len);
void text_str(struct text *t, const char *s);
void text_u64(struct text *t, uint64_t n);
void text_free(struct text *t);
void text_json(struct text *t, const char *s);

struct request {
	uint64_t id;
	const char *op;
	int keys;
	const char *key[KEYS_MAX];
	char *value[KEYS_MAX];
	struct text *body; /* further members of the reply, each with a comma before it */
	const char *error; /* symbolic name of the error, or NULL */
	char at[512];      /* what was tried when it failed */
	uint64_t reported; /* when it began or last reported progress, in microseconds */
};

bool request_parse(struct request *r, char *line, size_t len);

const char *request_get(const struct request *r, const char *key);
bool request_number(struct request *r, const char *key, uint64_t max, uint64_t *out);
bool parse_decimal(const char *s, const char *end, uint64_t max, uint64_t *out);

bool fail_errno(struct request *r, int err, const char *fmt, ...) __printf(3, 4);
bool fail_request(struct request *r, const char *fmt, ...) __printf(2, 3);
bool fail_handle(struct request *r, const char *kind, const char *name);

void put_u64(struct request *r, const char *key, uint64_t n);
void put_hex(struct request *r, const char *key, uint64_t n);
void put_bool(struct request *r, const char *key, bool b);
void put_str(struct request *r, const char *key, const char *s);
void put_raw(struct request *r, const char *key);

void wire_start(void);
char *wire_line(size_t *len, bool *too_long);
void wire_reply(const struct request *r, uint64_t us);
void wire_progress(struct request *r, uint64_t done);
void wire_flush(void);
bool wire_holds_back(void);

#endif
