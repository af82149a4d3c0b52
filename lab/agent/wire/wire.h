/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests in, replies out: lines, keys, percent-coding, JSON. docs/agent-protocol.md is the contract. */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
void text_json(struct text *t, const char *s); /* with the quotes */

struct request {
	uint64_t id;
	const char *op;
	int keys;
	const char *key[KEYS_MAX];
	char *value[KEYS_MAX];
	struct text *body; /* further members of the reply, each begun with a comma */
	const char *error; /* symbolic name, NULL: ok */
	char at[512];      /* what was tried when it failed */
	uint64_t told;     /* when it was begun, or progress was last told; microseconds */
};

/* One line (NUL-terminated, changed in place) to a request. On false, error and at say why; id is 0 if not even that was readable. */
bool request_parse(struct request *r, char *line, size_t len);

const char *request_get(const struct request *r, const char *key);
/* Strict decimal number no greater than max; false (and BADREQ) if it is none. A missing key leaves *out as it is. */
bool request_number(struct request *r, const char *key, uint64_t max, uint64_t *out);
bool parse_decimal(const char *s, const char *end, uint64_t max, uint64_t *out);

/* All three return false, so that a handler can end with them. */
bool fail_errno(struct request *r, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool fail_request(struct request *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool fail_handle(struct request *r, const char *kind, const char *name);

void put_u64(struct request *r, const char *key, uint64_t n);
void put_bool(struct request *r, const char *key, bool b);
void put_str(struct request *r, const char *key, const char *s);
void put_raw(struct request *r, const char *key); /* ,"key": and the caller goes on in r->body */

/* Standard input. Returns the next line without its newline, NULL at the end; *too_long: the line was cut, its rest is skipped. */
char *wire_line(size_t *len, bool *too_long);
void wire_reply(const struct request *r, uint64_t us);
/* Tells that a request goes on, a few times a second at most. done grows; what it counts is the operation's own. */
void wire_progress(struct request *r, uint64_t done);
void wire_flush(void);
bool wire_holds_back(void);

#endif
