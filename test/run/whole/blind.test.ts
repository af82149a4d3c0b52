// SPDX-License-Identifier: Apache-2.0
// No path leads to a good outcome while a witness that it needs is blind: the run is `infra` and names the witness,
// unless the user does without it.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RunPlan } from '../../../src/run/engine/plan.js';
import type { RunRecord } from '../../../src/run/record/record.js';
import type { Outcome } from '../../../src/model/result/outcome.js';
import { WITNESSES, type Witness } from '../../../src/model/result/witness.js';
import { Witnesses } from '../../../src/verdict/witnesses.js';
import type { FakeMachine, Script } from '../../fakes/machine.js';
import { image, runFake } from '../../fakes/run.js';
import { type FakeScenario, updatesOf } from '../../fakes/scenarios.js';

afterEach(() => vi.restoreAllMocks());

interface Path {
  name: string;
  scenario: FakeScenario;
  outcome: Outcome;
  script?: Script;
}

/** The kernel does not do what is asked for, on the way out of an epoch. */
const refuses = (op: string, at: number): Script => ({
  request: (_, request) =>
    request.op === op && request.epoch === at ? { kind: 'answer', reply: { ok: false, errno: 'EBUSY', at: op } } : null,
});

/** Every way to a good outcome. */
const PATHS: readonly Path[] = [
  { name: 'one update', scenario: { updates: 1 }, outcome: 'preserved' },
  { name: 'two updates', scenario: { updates: 2 }, outcome: 'preserved' },
  { name: 'an update that is called off', scenario: { updates: 1, kexec: 'abort' }, outcome: 'refused' },
  { name: 'a second update that is called off', scenario: { updates: 2, kexec: 'abort' }, outcome: 'refused' },
  { name: 'a load that fails', scenario: { updates: 1 }, outcome: 'refused', script: refuses('load', 0) },
  {
    name: 'a second kexec that the kernel refuses',
    scenario: { updates: 2 },
    outcome: 'refused',
    script: refuses('go', 1),
  },
];

async function record(
  { scenario, script = {} }: Path,
  without: readonly Witness[],
  more: Script = {},
  plan: Partial<RunPlan> = {},
): Promise<RunRecord> {
  const { record: ended, error } = await runFake(
    updatesOf({ ...scenario, more: `without: [${without.join(', ')}]\n` }),
    { ...script, ...more },
    { plan },
  );
  expect(error).toBeNull();
  return ended as RunRecord;
}

function saysBlind({ verdict, witnesses, incidents }: RunRecord, witness: Witness): void {
  expect(verdict).toMatchObject({
    outcome: 'infra',
    endsIn: 'none',
    cause: { implies: 'infra', title: `the witness "${witness}" was blind` },
  });
  expect(verdict.cause?.detail).toContain(`--without ${witness}`);
  expect(witnesses[witness]).toMatchObject({ looked: false, required: true, waived: false });
  expect(witnesses[witness]?.why).not.toBeNull();
  expect(
    incidents.filter(({ implies }) => implies === 'infra').every(({ title }) => title.startsWith('the witness "')),
  ).toBe(true);
}

function methodOf<Name extends 'looked' | 'require'>(name: Name): Witnesses[Name] {
  return Object.getOwnPropertyDescriptor(Witnesses.prototype, name)?.value as Witnesses[Name];
}

describe.each(PATHS)('$name', (path) => {
  it('needs no more than the witnesses that saw', async () => {
    const { verdict, witnesses } = await record(path, []);
    expect(verdict.outcome).toBe(path.outcome);
    expect(Object.entries(witnesses).filter(([, { required, looked }]) => required && !looked)).toEqual([]);
    expect(Object.keys(witnesses)).toEqual(expect.arrayContaining(['inside', 'outside']));
  });

  describe.each(WITNESSES)('with %s blind', (witness) => {
    /** Whatever the witness says that it saw, it did not. @param silent it says nothing at all */
    function blind(silent: boolean): void {
      const looked = methodOf('looked');
      vi.spyOn(Witnesses.prototype, 'looked').mockImplementation(function (this: Witnesses, name, epoch, count) {
        if (name !== witness) looked.call(this, name, epoch, count);
        else if (!silent) this.blind(name, epoch, 'it was dark');
      });
      // Those that this machine has no use for are needed all the same.
      const require = methodOf('require');
      vi.spyOn(Witnesses.prototype, 'require').mockImplementation(function (this: Witnesses, name, epoch) {
        require.call(this, name, epoch);
        require.call(this, witness, epoch);
      });
    }

    it.each([true, false])('and silent: %s, it is infra', async (silent) => {
      blind(silent);
      saysBlind(await record(path, []), witness);
    });

    it('and waived, it is as good as before, and says so', async () => {
      blind(false);
      const { verdict, witnesses } = await record(path, [witness]);
      expect(verdict.outcome).toBe(path.outcome);
      expect(witnesses[witness]).toMatchObject({ looked: false, waived: true });
    });

    it('another one is not waived for it', async () => {
      blind(false);
      saysBlind(
        await record(
          path,
          WITNESSES.filter((other) => other !== witness),
        ),
        witness,
      );
    });
  });
});

const denied = { kind: 'answer', reply: { ok: false, errno: 'EPERM', at: 'open /proc/self/pagemap' } } as const;

function atFirst(act: (machine: FakeMachine) => void): Script {
  return { booting: (machine, epoch) => epoch === 0 && act(machine) };
}

interface Dark {
  witness: Witness;
  what: string;
  script: Script;
  plan?: Partial<RunPlan>;
  paths?: Outcome;
}

/** What really blinds a witness, in the machine that the fake kernels run in. */
const DARKNESS: readonly Dark[] = [
  {
    witness: 'outside',
    what: 'the kernel tells no page frames',
    script: { request: (_, { op }) => (op === 'pfns' ? denied : null) },
  },
  {
    witness: 'outside',
    what: 'a file seems to have no page',
    script: { request: (_, { op }) => (op === 'pfns' ? { kind: 'answer', reply: { ok: true, runs: [] } } : null) },
  },
  {
    witness: 'marks',
    what: 'no page table leads to the array of pages',
    script: atFirst((machine) => (machine.monitor.cr3 = 0)),
  },
  {
    witness: 'marks',
    what: 'the kernel marks pages by another word',
    script: atFirst(({ ram }) => (ram.mark = () => undefined)),
  },
  {
    witness: 'marks',
    what: 'the kernel counts its pages wrong',
    script: {
      request: ({ kernel }, { op, epoch }) =>
        op === 'zones' && epoch > 0 ? { kind: 'answer', reply: { ...kernel.zones, managed: 15_000 } } : null,
    },
  },
  {
    witness: 'marks',
    what: 'the handover format was not read',
    script: {},
    plan: { formats: [null, null, null] },
    paths: 'refused',
  },
  {
    witness: 'page-state',
    what: 'no page looks like one of a file',
    script: atFirst(({ ram }) => (ram.inCache = (pfn) => ram.inUse(pfn))),
  },
  {
    witness: 'page-state',
    what: 'no page table leads to the array of pages',
    script: atFirst((machine) => (machine.monitor.cr3 = 0)),
  },
  {
    witness: 'taint',
    what: 'the kernel has no System.map',
    script: {},
    plan: { kernels: ['a', 'b', 'c'].map((name) => ({ ...image(name), systemMap: null })) },
  },
  {
    witness: 'taint',
    what: 'a flood of the console was not read',
    script: atFirst((machine) => machine.later(100, () => machine.lose(5000))),
  },
  ...(['outside', 'marks', 'page-state', 'taint'] as const).map((witness) => ({
    witness,
    what: 'QEMU lists its memory in an unknown form',
    script: atFirst(({ monitor }) => (monitor.mtree = 'the memory, in another form')),
  })),
  ...(['marks', 'page-state', 'taint'] as const).map((witness) => ({
    witness,
    what: 'QEMU prints registers in an unknown form',
    script: atFirst(({ monitor }) => (monitor.cr3 = null)),
  })),
];

describe.each(DARKNESS)('$witness is blind: $what', ({ witness, script, plan, paths = 'preserved' }) => {
  it.each(PATHS.filter(({ outcome }) => outcome === paths).slice(0, 2))('$name', async (path) => {
    const { verdict, witnesses } = await record(path, [], script, plan);
    expect(verdict).toMatchObject({
      outcome: 'infra',
      cause: { implies: 'infra', title: expect.stringMatching(/^the witness "[\w-]+" was blind$/) as string },
    });
    expect(witnesses[witness]).toMatchObject({ looked: false, required: true, why: expect.any(String) as string });
  });
});
