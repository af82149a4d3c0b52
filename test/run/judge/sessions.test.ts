// SPDX-License-Identifier: Apache-2.0
// Sessions, empty ones too: each must come back, be finished and be closed.
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/model/result/outcome.js';
import type { Reaction, Request } from '../../fakes/agent.js';
import type { FakeMachine } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';

const fails = (op: string, session: string, errno: string, times = Infinity) => {
  let left = times;
  return {
    request: (_: FakeMachine, request: Request): Reaction | null =>
      request.op === op && request.args['session'] === session && request.epoch === 1 && left-- > 0
        ? { kind: 'answer', reply: { ok: false, errno, at: op } }
        : null,
  };
};

const scenario = (next: string) => `
chain: [a, b]
steps:
  - create: full
  - memfd: {name: ram, size: 16KiB}
  - preserve: {session: full, file: ram, token: 1}
  - create: empty
  - kexec
  - retrieve: full
  - retrieve: {session: full, token: 1}
${next}
`;
const ALL = '  - retrieve: empty\n  - finish: empty\n  - finish: full\n  - close: full\n  - close: empty';

describe('a session that was handed over', () => {
  it.each<[string, string, ReturnType<typeof fails>, Outcome, string | null]>([
    ['comes back', ALL, fails('nothing', '', ''), 'preserved', null],
    [
      'is lost where it does not come back, even if it is empty',
      ALL,
      fails('retrieve-session', 'empty', 'ENOENT'),
      'lost',
      'a session is lost',
    ],
    [
      'is judged by its files where these do not come back',
      ALL.replaceAll(/.*full\n/g, ''),
      {
        request: (machine, request) =>
          fails('retrieve-session', 'full', 'ENOENT').request(machine, request) ??
          fails('retrieve', 'full', 'ENOENT').request(machine, request),
      },
      'leak',
      'memfd is leaked',
    ],
    [
      'is lost although its files come back',
      ALL,
      fails('retrieve-session', 'full', 'ENOENT'),
      'lost',
      'a session is lost',
    ],
    ['must be finished', ALL, fails('finish', 'full', 'EBUSY'), 'lost', 'a session cannot be finished'],
    [
      'must be finished in the end',
      `${ALL.replace('- finish: full', '- finish: {session: full, errno: EBUSY}\n  - finish: full')}`,
      fails('finish', 'full', 'EBUSY', 1),
      'preserved',
      null,
    ],
    ['must be closed', ALL, fails('close', 'empty', 'EIO'), 'lost', 'a session cannot be closed'],
    [
      'may be refused as the scenario says',
      '  - retrieve: {session: empty, errno: ENOENT}\n  - finish: {session: full, errno: EBUSY}',
      {
        request: (machine, request) =>
          fails('retrieve-session', 'empty', 'ENOENT').request(machine, request) ??
          fails('finish', 'full', 'EBUSY').request(machine, request),
      },
      'preserved',
      null,
    ],
    [
      'may be refused with any errno that the scenario lists',
      '  - retrieve: {session: empty, errno: [OK, ENOENT]}\n  - finish: full',
      fails('retrieve-session', 'empty', 'ENOENT'),
      'preserved',
      null,
    ],
    [
      'may not be refused with an errno that is not listed',
      '  - retrieve: {session: empty, errno: [OK, ENOENT]}\n  - finish: full',
      fails('retrieve-session', 'empty', 'EIO'),
      'lost',
      'a session is lost',
    ],
    [
      'may not be refused with another errno',
      '  - retrieve: {session: empty, errno: ENOENT}\n  - finish: full',
      fails('retrieve-session', 'empty', 'EIO'),
      'lost',
      'a session is lost',
    ],
  ])('%s', async (_, steps, script, outcome, title) => {
    const { record, error } = await runFake(scenario(steps), script);
    expect(error).toBeNull();
    expect(record?.verdict.outcome).toBe(outcome);
    expect(record?.verdict.cause?.title ?? null).toBe(title);
  });
});

describe('the kernel that comes up', () => {
  const kernel = (name: string, release: string | null): KernelImage => ({
    name,
    release,
    bzImage: import.meta.filename,
    vmlinux: null,
    config: null,
    systemMap: null,
    components: [],
    listed: null,
    versions: [],
    known: true,
    notes: [],
    sha256: '0'.repeat(64),
    cacheDir: null,
  });

  it('must be the one that was loaded', async () => {
    const { record } = await runFake(
      scenario(ALL),
      {},
      { plan: { kernels: [kernel('a', null), kernel('b', '9.9.9')] } },
    );
    expect(record?.verdict).toMatchObject({
      outcome: 'reboot',
      cause: { title: 'another kernel came up than the one that was loaded' },
    });
    expect(record?.verdict.cause?.detail).toContain('b is 9.9.9');
  });
});
