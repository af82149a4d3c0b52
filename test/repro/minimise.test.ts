// SPDX-License-Identifier: Apache-2.0
// Minimising with a made-up failure: which scenario fails is known, so the smallest one is, too.
import { describe, expect, it, vi } from 'vitest';
import type { Scenario } from '../../src/model/scenario/scenario.js';
import { minimise } from '../../src/repro/minimise/minimise.js';
import { textOf } from '../../src/repro/minimise/data.js';
import { ownData } from '../../src/repro/minimise/origin.js';
import { type Execute, Trials, type TrialsOptions } from '../../src/repro/rerun/trials.js';
import { parseScenario } from '../../src/scenario/index.js';

const HEAD = 'from: 7.2.12\nto: 7.3.4\n';
const PANIC = { outcome: 'panic', title: 'boom' } as const;
const FINE = { outcome: 'preserved', title: null } as const;

function world(text: string, fails: (scenario: Scenario) => boolean, more: Partial<TrialsOptions> = {}) {
  const execute: Execute = async (scenario) => ({
    ...(fails(scenario) ? PANIC : FINE),
    suspects: [],
    asExpected: false,
  });
  const trials = new Trials({
    wanted: PANIC,
    execute,
    parse: (yaml) => parseScenario(yaml, 'small.yaml'),
    runs: 1,
    jobs: 2,
    signal: new AbortController().signal,
    until: Infinity,
    onTrial: () => undefined,
    ...more,
  });
  const smallest = async (suspects: string[] = []) => {
    const done = await minimise(ownData(text, 'given.yaml', 'given', ['7.2.12', '7.3.4'], '.'), {
      trials,
      suspects,
      onStage: () => undefined,
    });
    return { ...done, scenario: parseScenario(textOf(done.data), 'small.yaml') };
  };
  return { trials, smallest };
}

const has =
  (file: string) =>
  ({ steps }: Scenario) =>
    steps.some((step) => step.op === 'memfd' && step.memfd.file === file);
const opsOf = ({ steps }: Scenario) =>
  steps.filter(({ op, epoch }) => op !== 'check' && epoch === 0).map((step) => step.op);

describe('minimise', () => {
  const many =
    `${HEAD}sessions:\n  - {name: "vm-{i}", count: 200, files: [{name: "f{i}", memfd: 64KiB, count: 3, ` +
    'seals: [grow]}]}\nmachine: {memory: 2GiB, cpus: 4}\ncmdline: {all: "quiet loglevel=7"}\n' +
    'faults: [{at: jump, do: nmi}]\n';

  it('finds the one file of 600, in few trials, and everything else goes', async () => {
    const { trials, smallest } = world(many, has('vm-137/f2'));
    const { scenario, done, data } = await smallest();
    expect(done).toBe(true);
    expect(opsOf(scenario)).toEqual(['create', 'memfd', 'preserve', 'load', 'kexec']);
    const [memfd] = scenario.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd] : []));
    expect(memfd).toMatchObject({ file: 'vm-137/f2', size: 4096, seals: [] });
    expect(scenario).toMatchObject({ machine: { memory: 256 << 20, cpus: 1 }, cmdlines: ['', ''] });
    expect(data['faults']).toBeUndefined();
    expect(trials.started).toBeLessThan(50);
  });

  it('says what is seen without each required part', async () => {
    const { smallest } = world(
      many,
      (scenario) =>
        has('vm-3/f1')(scenario) &&
        scenario.steps.some(({ op }) => op === 'fault') &&
        scenario.cmdlines[0]?.includes('quiet') === true,
    );
    const { required } = await smallest();
    const named = required.map(({ what, without }) => [what.split(':')[0], without]);
    expect(named).toEqual(
      expect.arrayContaining([
        ['faults', 'preserved'],
        ['cmdline.all', 'preserved'],
        ['sessions.0.files', 'preserved'],
      ]),
    );
  });

  it('needs two sessions where it takes two', async () => {
    const { smallest } = world(many, (scenario) => has('vm-7/f1')(scenario) && has('vm-190/f3')(scenario));
    const { scenario } = await smallest();
    expect(scenario.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd.file] : []))).toEqual([
      'vm-7/f1',
      'vm-190/f3',
    ]);
  });

  it('believes suspicions only where they hold', async () => {
    const guilty = world(many, has('vm-137/f2'));
    await guilty.smallest(['vm-137/f2', 'vm-137']);
    const without = world(many, has('vm-137/f2'));
    expect(
      (await without.smallest(['vm-4'])).scenario.steps.some(
        (step) => step.op === 'create' && step.session === 'vm-137',
      ),
    ).toBe(true);
    expect(guilty.trials.started).toBeLessThan(without.trials.started);
  });

  it('takes steps away with what they are about', async () => {
    const text =
      `${HEAD}steps:\n  - repeat: {count: 20, steps: [{create: "s{i}"}, {memfd: {name: "m{i}", size: 16MiB}}, ` +
      '{preserve: {session: "s{i}", file: "m{i}", token: "{i}"}}]}\n  - kexec\n' +
      '  - repeat: {count: 20, steps: [{retrieve: "s{i}"}, {finish: "s{i}"}]}\n';
    const { smallest, trials } = world(text, ({ steps }) =>
      steps.some((step) => step.op === 'finish' && step.session === 's13'),
    );
    const { scenario } = await smallest();
    expect(scenario.steps.map(({ op }) => op)).toEqual(['create', 'load', 'kexec', 'retrieve-session', 'finish']);
    expect(trials.started).toBeLessThan(40);
  });

  it('another failure is not the failure', async () => {
    const execute: Execute = async (scenario) => ({
      outcome: 'panic',
      title: has('vm-9/f1')(scenario) ? 'boom' : 'another',
      suspects: [],
      asExpected: false,
    });
    expect(
      (await world(many, () => true, { execute }).smallest()).scenario.steps.some(
        (step) => step.op === 'memfd' && step.memfd.file === 'vm-9/f1',
      ),
    ).toBe(true);
  });

  it('a failure that shows every third time is found with enough runs', async () => {
    let turn = 0;
    const execute: Execute = async (scenario) => ({
      ...(has('vm-137/f2')(scenario) && ++turn % 3 === 0 ? PANIC : FINE),
      suspects: [],
      asExpected: false,
    });
    const { scenario } = await world(many, () => true, { execute, runs: 3, jobs: 1 }).smallest();
    expect(opsOf(scenario)).toEqual(['create', 'memfd', 'preserve', 'load', 'kexec']);
  });

  it('keeps the smallest so far when the time is up', async () => {
    let left = 5;
    const execute: Execute = async (scenario) =>
      left-- > 0
        ? { ...(has('vm-137/f2')(scenario) ? PANIC : FINE), suspects: [], asExpected: false }
        : await new Promise(() => undefined);
    const now = vi.spyOn(Date, 'now').mockImplementation(() => (left > 0 ? 0 : 2));
    const { done, scenario } = await world(many, () => true, { execute, until: 1, jobs: 1 }).smallest();
    now.mockRestore();
    expect(done).toBe(false);
    expect(has('vm-137/f2')(scenario)).toBe(true);
    expect(scenario.steps.filter(({ op }) => op === 'create').length).toBeLessThan(200);
  });

  it('ends with the reason of an abort, and with the error of a run that is no LabError', async () => {
    const stop = new AbortController();
    const execute: Execute = async (_scenario, signal) => {
      stop.abort(new Error('Ctrl-C'));
      signal.throwIfAborted();
      return { ...FINE, suspects: [], asExpected: false };
    };
    await expect(world(many, () => true, { execute, signal: stop.signal }).smallest()).rejects.toThrow('Ctrl-C');
    await expect(
      world(many, () => true, { execute: () => Promise.reject(new TypeError('a bug')) }).smallest(),
    ).rejects.toThrow('a bug');
  });
});
