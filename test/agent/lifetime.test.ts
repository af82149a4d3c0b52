// SPDX-License-Identifier: Apache-2.0
// An oops ends one thread. An agent whose first thread has ended must not hold its connection with another one.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile } from './agent-process.js';

/** A second thread that never ends; then the first one ends as an oops would end it, and no other. */
const DRIVER = `
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/lifetime.h"
static void *stay(void *unused) { for (;;) pause(); return unused; }
int main(int argc, char **argv)
{
	pthread_t thread;
	(void)argv;
	lifetime_of_first_thread();
	if (pthread_create(&thread, NULL, stay, NULL))
		return 2;
	if (argc > 1)
		return 3;
	syscall(SYS_exit, 0);
	return 4;
}
`;

let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('agent', ['common/lifetime.c'], DRIVER);
}, 60_000);
afterAll(() => built.remove());

it('a process whose first thread has ended goes with all others', () => {
  expect(spawnSync(built.program, [], { timeout: 10_000 })).toMatchObject({ status: 1, signal: null });
});

it('one that returns from main() says what it returned', () => {
  expect(spawnSync(built.program, ['return'], { timeout: 10_000 })).toMatchObject({ status: 3, signal: null });
});
