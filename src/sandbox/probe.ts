// SPDX-License-Identifier: Apache-2.0
// Finds the best sandbox that works on this host, by trying: a stand-in runs in it, and the lab must be able to open
// the stand-in's files, as it later opens the machine's memory. It takes some 50 ms, once for each lab, and nothing is
// stored that could be out of date.
import { readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { within } from '../util/deadline.js';
import { LabError, messageOf, UsageError } from '../util/errors.js';
import { removeTemp, makeTemp } from '../util/process/reaper.js';
import { inPath, isRoot, startSandboxed } from './start.js';
import type { Needs, Sandbox } from './types.js';

const DEADLINE_MS = 10_000;
const MAX_SAID = 4096;

let known: Promise<Sandbox> | null = null;

/** Returns the sandbox for this host. LAB_SANDBOX=off turns it off, LAB_SANDBOX=setpriv leaves out bwrap. */
export function hostSandbox(): Promise<Sandbox> {
  return (known ??= findSandbox(process.env['LAB_SANDBOX'] ?? ''));
}

export const INSTALL = 'apt-get install -y --no-install-recommends bubblewrap';

export async function findSandbox(setting: string): Promise<Sandbox> {
  if (setting === 'off') return { kind: 'none', user: 'lab', why: 'LAB_SANDBOX=off' };
  if (!['', 'bwrap', 'setpriv'].includes(setting))
    throw new UsageError(`LAB_SANDBOX=${setting}: expected bwrap, setpriv or off`);
  let why: string | null = setting === 'setpriv' ? 'LAB_SANDBOX=setpriv' : null;
  for (const candidate of candidates()) {
    if (setting === 'setpriv' && candidate.kind === 'bwrap') continue;
    const failure = await tryOut(candidate);
    if (failure === null) return { ...candidate, why };
    if (setting === 'bwrap' && candidate.kind === 'bwrap' && candidate.user === 'lab')
      throw new LabError(`LAB_SANDBOX=bwrap, but bwrap does not work: ${failure}`, { hint: INSTALL });
    why ??= failure;
  }
  return { kind: 'none', user: 'lab', why };
}

/** From the best to the least. */
function candidates(): Sandbox[] {
  const users = isRoot() ? (['own', 'lab'] as const) : (['lab'] as const);
  return (['bwrap', 'setpriv'] as const).flatMap((kind) => users.map((user) => ({ kind, user, why: null })));
}

/** Returns what went wrong; null if it works. */
async function tryOut(candidate: Sandbox): Promise<string | null> {
  if (!inPath(candidate.kind))
    return candidate.kind === 'bwrap' ? 'bubblewrap is not installed' : 'setpriv is not installed';
  const dir = makeTemp(join(tmpdir(), 'lab-sandbox-'));
  try {
    const started = await startSandboxed(candidate, needsOf(dir), ['/bin/sh', '-c', 'echo up; exec sleep 60'], {
      dir,
      stdout: 'pipe',
      env: { PATH: process.env['PATH'] },
    });
    if (started.sandbox.user !== candidate.user) return started.sandbox.why;
    const { child } = started;
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-MAX_SAID)));
    try {
      const up = new Promise<boolean>((resolve) => {
        child.stdout?.once('data', () => resolve(true));
        void child.ended.then(
          () => resolve(false),
          () => resolve(false),
        );
      });
      if (!(await within(up, { ms: DEADLINE_MS, what: 'start of a program in a sandbox', whose: 'host' })))
        return said.trim().split('\n').at(-1) || `${candidate.kind} cannot be started`;
      readlinkSync(`/proc/${started.pid}/fd/1`);
      return null;
    } finally {
      child.kill('SIGKILL');
      await child.ended.catch(() => undefined);
    }
  } catch (error) {
    return messageOf(error);
  } finally {
    removeTemp(dir);
  }
}

function needsOf(dir: string): Needs {
  const limits = { memory: 1 << 30, processes: 1024, fileSize: 1 << 20 };
  return { read: [], write: [dir], devices: [], network: 'listen', cwd: dir, limits };
}
