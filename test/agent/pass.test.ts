// SPDX-License-Identifier: Apache-2.0
// Descriptors go from one agent to another; a missing page ends an operation, and not the agent.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentProcess, compile } from './agent-process.js';

let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('agent');
}, 120_000);
afterAll(() => built.remove());

test('a file that is passed is the same file, and stays when the other client dies', async () => {
  const [a, b] = [new AgentProcess(built.program), new AgentProcess(built.program)];
  await Promise.all([a.greet(), b.greet()]);
  const at = `lab-test-${process.pid}`;
  expect(await a.ask('1 memfd file=f size=8192 seed=7')).toMatchObject({ ok: true });
  const [sent, received] = await Promise.all([a.ask(`2 send at=${at} file=f`), b.ask(`1 receive at=${at} file=f`)]);
  expect([sent, received]).toMatchObject([{ ok: true }, { ok: true }]);
  expect(await b.ask('2 write file=f seed=9 first=1 count=1')).toMatchObject({ ok: true });
  expect(await a.ask('3 verify file=f size=8192 seed=7 written=1+1+9+8192')).toMatchObject({ ok: true, bad: 0 });
  a.kill();
  await a.exit;
  expect(await b.ask('3 verify file=f size=8192 seed=7 written=1+1+9+8192')).toMatchObject({ ok: true, bad: 0 });
  expect(await b.ask('4 receive at=x')).toMatchObject({ ok: false, errno: 'BADREQ' });
  expect(await b.ask('5 receive at=x session=s file=f')).toMatchObject({ ok: false, errno: 'BADREQ' });
  expect(await b.ask(`6 send at=${'x'.repeat(200)} file=f`)).toMatchObject({ ok: false, errno: 'BADREQ' });
  expect(await b.ask('7 send at=x session=none')).toMatchObject({ ok: false, errno: 'NOHANDLE' });
  b.end();
});

test('a SIGBUS ends what was under way, calls that nest keep theirs, and without a guard it still kills', () => {
  const driver = `
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common/bus-guard.h"
static volatile char *hole;
static int inner, after;
static void touch(void *arg) { (void)arg; *hole = 1; }
static void nest(void *arg) { inner = bus_guarded(touch, arg); after = 1; }
static void fine(void *arg) { *(int *)arg = 7; }
int main(void) {
	int fd = memfd_create("x", 0), n = 0;
	hole = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); /* nothing behind the end of an empty file */
	bus_guard_install();
	printf("%d ", bus_guarded(touch, NULL));
	printf("%d ", bus_guarded(nest, NULL));
	printf("%d %d ", inner, after);
	printf("%d ", bus_guarded(fine, &n));
	printf("%d ", n);
	printf("%d\\n", bus_guarded(touch, NULL));
	fflush(stdout);
	touch(NULL);
	printf("alive\\n");
}`;
  const guard = compile('agent', ['common/bus-guard.c'], `#define _GNU_SOURCE\n${driver}`);
  try {
    execFileSync(guard.program, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ signal: 'SIGBUS', stdout: '0 1 0 1 1 7 0\n' });
  } finally {
    guard.remove();
  }
});
