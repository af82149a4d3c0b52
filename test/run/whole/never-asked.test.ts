// SPDX-License-Identifier: Apache-2.0
// Paths on which a witness is not asked, sees only a part, or is asked too early: none of them ends well, and none is
// the lab's failure without a reason.
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/model/result/outcome.js';
import type { Reaction, Request } from '../../fakes/agent.js';
import type { FakeMachine, Script } from '../../fakes/machine.js';
import { KhopIndex } from '../../../src/oracles/pages/khop.js';
import { atOnce } from '../../../src/util/loop/turns.js';
import { contentOfOthers } from '../../../src/run/judge/closing/closing.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { FIRST_PFN } from '../../fakes/ram.js';
import { image, runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

const answer = (reply: Record<string, unknown>): Reaction => ({ kind: 'answer', reply });
const on = (act: (machine: FakeMachine, request: Request) => Reaction | null): Script => ({ request: act });
const fails = (op: string, epoch: number, errno: string): Script =>
  on((_, asked) => (asked.op === op && asked.epoch === epoch ? answer({ ok: false, errno, at: op }) : null));
const begin = (more = '') => `
chain: [a, b]
steps:
  - create: vm0
  - memfd: {name: ram, size: 16KiB}
  - preserve: {session: vm0, file: ram, token: 1}
${more}  - kexec
  - retrieve: vm0
  - retrieve: {session: vm0, token: 1}
  - finish: vm0
`;

describe('a witness that sees a part', () => {
  const firstPage = on(({ kernel }, { op, args }) => {
    const file = kernel.files.get(args['file'] ?? '');
    return op === 'pfns' && file !== undefined ? answer({ ok: true, runs: [[0, file.firstPfn, 1]] }) : null;
  });

  it.each(['file', 'abort'] as const)(
    'is blind where the kernel tells of fewer pages than were written (kexec: %s)',
    async (kexec) => {
      const { record } = await runFake(updatesOf({ updates: 1, kexec }), firstPage);
      expect(record?.verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "outside" was blind' } });
      expect(record?.witnesses.outside?.why).toContain('1 pages, and 4 were written');
    },
  );

  it('is not believed where it says that it looked at nothing', async () => {
    const { record } = await runFake(
      begin(),
      on((_, { op }) => (op === 'verify' ? answer({ ok: true, pages: 0, bad: 0, firstBad: null }) : null)),
    );
    expect(record?.verdict.outcome).toBe('lost');
    expect(record?.verdict.cause?.title).toContain('it looked at 0 pages, and 4 were asked for');
  });

  it('is blind where sessions were handed over and nothing at all is marked', async () => {
    const { record } = await runFake(
      'chain: [a, b]\nsteps:\n  - create: vm0\n  - kexec\n  - retrieve: vm0\n  - finish: vm0\n',
    );
    expect(record?.verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "marks" was blind' } });
  });
});

describe('a file that the scenario closes in the next kernel', () => {
  it('has its pages looked at before', async () => {
    const script: Script = { booting: ({ ram }, epoch) => epoch === 1 && (ram.inCache = (pfn) => ram.inUse(pfn)) };
    const { record } = await runFake(`${begin()}  - close: vm0\n  - close: {file: ram}\n`, script);
    expect(record?.verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "page-state" was blind' } });
  });
});

const WARNING = [
  '------------[ cut here ]------------',
  'WARNING: CPU: 0 PID: 1 at kernel/x.c:1 foo+0x1/0x2',
  '---[ end trace 0000000000000000 ]---',
]
  .map((line) => `[    9.000000] ${line}\r\n`)
  .join('');

describe('the last words on the console', () => {
  it('are read although nobody looks at the taint mask', async () => {
    const { record } = await runFake(
      `${begin()}without: [taint]\n`,
      on((machine, { op, args, epoch }) => {
        if (op === 'close' && epoch === 1 && Object.keys(args).length === 0) machine.say(WARNING);
        return null;
      }),
      { plan: { kernels: ['a', 'b'].map((name) => ({ ...image(name), systemMap: null })) } },
    );
    expect(record?.verdict.outcome).toBe('tainted');
  });
});

describe('a file that was checked before its session was finished', () => {
  it('is asked again what it is', async () => {
    let finished = false;
    const { record } = await runFake(
      begin().replace('  - finish', '  - check: ram\n  - finish'),
      on(({ kernel }, { op, args, epoch }) => {
        finished ||= op === 'finish' && epoch === 1;
        return finished && op === 'stat' ? answer({ ...kernel.answer(op, args), seals: [] }) : null;
      }),
    );
    expect(record?.verdict.outcome).toBe('corrupt');
    expect(record?.verdict.cause?.detail).toContain('seals [], were [seal]');
  });
});

describe('marks that claim more memory than there is, over and over', () => {
  it('keep nobody busy for ever', () => {
    const found = Array.from({ length: 50_000 }, (_, pfn) => ({ pfn, order: 20 }));
    const memory = {
      ranges: [{ start: 0, end: 64 * 4096, offset: 0 }],
      read: (_: number, into: Uint8Array) => into.fill(1).length > 0,
    };
    const others = atOnce(
      contentOfOthers({ view: { memory }, state: new RunState() }, { index: new KhopIndex(found) }),
    );
    expect(others.size).toBe(64);
  });
});

describe("what one of upstream's own tests holds", () => {
  const yaml = (more: string) => `chain: [a, b]\nkselftest: luo_kexec_simple\n${more}`;
  const passes: Script = {
    exec: (_, command) => ({
      status: 0,
      signal: null,
      stdout: command.includes('-s ') ? 'lab-kselftest-status 0\n' : '',
      stderr: '',
      cut: false,
    }),
  };
  const plan = { selftests: [import.meta.filename, import.meta.filename] };

  it('is seen by its second stage', async () => {
    const { record } = await runFake(yaml(''), passes, { plan });
    expect(record?.verdict.outcome).toBe('preserved');
    expect(record?.witnesses.inside).toMatchObject({ required: true, looked: true, counted: 1 });
  });

  it('is seen by nobody after a refusal', async () => {
    const { record } = await runFake(yaml('expect: refused\n'), { ...passes, ...fails('kexec', 0, 'EBUSY') }, { plan });
    expect(record?.verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "inside" was blind' } });
  });

  it('is not there where the test cannot be put into the machine: no failure of the lab', async () => {
    const { record } = await runFake(
      yaml(''),
      {
        exec: (machine, command) =>
          machine.kernel.epoch === 1
            ? { status: 1, signal: null, stdout: '', stderr: 'cat: write error: No space left on device', cut: false }
            : (passes.exec?.(machine, command) ?? null),
      },
      { plan },
    );
    expect(record?.verdict.outcome).toBe('lost');
  });
});

describe('a way out that is not needed', () => {
  it('does not keep pages from being looked at once everything is closed', async () => {
    const { record } = await runFake(updatesOf({ updates: 1, recover: 'reboot' }), {
      booting: ({ ram }, epoch) => epoch === 1 && (ram.free = () => undefined),
    });
    expect(record?.verdict).toMatchObject({ outcome: 'leak', cause: { title: 'pages never released' } });
  });
});

describe('memory that is reserved by name', () => {
  const AT = (FIRST_PFN + 1000) * 4096;
  const reserving = (damage: boolean) =>
    on(({ ram }, { op, args }) => {
      if (damage && op === 'create' && args['session'] === 'vm0') ram.memory.write(AT + 4096, new Uint8Array(4096));
      return op === 'reserve-mem' ? answer({ ok: true, phys: AT, from: 'out' }) : null;
    });

  it.each<[boolean, Outcome]>([
    [false, 'refused'],
    [true, 'corrupt'],
  ])('is looked at after a refusal too (damaged: %s)', async (damage, outcome) => {
    const { record } = await runFake(
      'chain: [a, b]\nreserveMem: [{name: log, size: 2MiB}]\nsteps:\n  - create: vm0\n  - abort\nexpect: refused\n',
      reserving(damage),
    );
    expect(record?.verdict.outcome).toBe(outcome);
    expect(record?.witnesses.outside).toMatchObject({ required: true, looked: true, counted: 512 });
  });
});

describe('what is asked for last', () => {
  it('a session that is left open must be closed', async () => {
    const { record } = await runFake(
      begin(),
      on((_, { op, epoch, args }) =>
        op === 'close' && epoch === 1 && args['session'] !== undefined
          ? answer({ ok: false, errno: 'EIO', at: op })
          : null,
      ),
    );
    expect(record?.verdict).toMatchObject({ outcome: 'lost', cause: { title: 'a session cannot be closed' } });
  });

  const GUEST = '  - guest-create: {guest: g, size: 8MiB}\n  - guest-run: g\n  - guest-pause: g\n';
  const guests = (more: (asked: Request) => Reaction | null) =>
    on((_, asked) => more(asked) ?? (asked.op.startsWith('guest-') ? answer({ ok: true, stateSize: 4096 }) : null));

  it('a session that is finished after a guest was stopped is judged too', async () => {
    const { record } = await runFake(
      begin().replace('  - finish', `${GUEST}  - finish`),
      guests(({ op, epoch }) => (op === 'finish' && epoch === 1 ? answer({ ok: false, errno: 'EIO', at: op }) : null)),
    );
    expect(record?.verdict).toMatchObject({ outcome: 'lost', cause: { title: 'a session cannot be finished' } });
    expect(record?.incidents.filter(({ title }) => title === 'a session cannot be finished')).toHaveLength(1);
  });

  it('a file that is asked for after a guest was stopped is not missing', async () => {
    const { record } = await runFake(
      begin().replace('  - retrieve: {', `${GUEST}  - retrieve: {`),
      guests(() => null),
    );
    expect(record?.incidents.filter(({ implies }) => implies !== null)).toEqual([]);
    expect(record?.updates.map(({ files }) => files.map(({ verdict: { state } }) => state))).toEqual([['intact']]);
  });
});

describe('an agent that does not understand what it is asked', () => {
  it.each<[string, number, Outcome]>([
    ['retrieve', 1, 'lost'],
    ['finish', 1, 'lost'],
    ['load', 0, 'lost'],
  ])('%s is not to be believed', async (op, epoch, outcome) => {
    const { record } = await runFake(begin('  - load\n'), fails(op, epoch, 'BADREQ'));
    expect(record?.verdict.outcome).toBe(outcome);
  });

  it("before anything was handed over is the lab's own", async () => {
    const { record } = await runFake(begin(), fails('memfd', 0, 'BADREQ'));
    expect(record?.verdict).toMatchObject({
      outcome: 'infra',
      cause: { title: 'the agent does not understand memfd' },
    });
  });
});
