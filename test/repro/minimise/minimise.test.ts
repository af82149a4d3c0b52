// SPDX-License-Identifier: Apache-2.0
// Minimising with a made-up failure: which scenario fails is known, so the smallest one is, too.
import { describe, expect, it, vi } from 'vitest';
import type { Reproduces } from '../../../src/repro/minimise/minimise.js';
import { failsIf, HEAD, hasFile as has, opsOf, smallestOf } from './world.js';

describe('minimise', () => {
  const many =
    `${HEAD}sessions:\n  - {name: "vm-{i}", count: 200, files: [{name: "f{i}", memfd: 64KiB, count: 3, ` +
    'seals: [grow]}]}\nmachine: {memory: 2GiB, cpus: 4}\ncmdline: {all: "quiet loglevel=7"}\n' +
    'faults: [{at: jump, do: nmi}]\n';

  it('finds the one file of 600, in few trials, and everything else goes', async () => {
    const { parsed: scenario, done, data, tried } = await smallestOf(many, { reproduces: failsIf(has('vm-137/f2')) });
    expect(done).toBe(true);
    expect(opsOf(scenario)).toEqual(['create', 'memfd', 'preserve', 'load', 'kexec']);
    const [memfd] = scenario.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd] : []));
    expect(memfd).toMatchObject({ file: 'vm-137/f2', size: 4096, seals: [] });
    expect(scenario).toMatchObject({ machine: { memory: 256 << 20, cpus: 1 }, cmdlines: ['', ''] });
    expect(data['faults']).toBeUndefined();
    expect(tried).toBeLessThan(60);
  });

  it('says what is seen without each required part', async () => {
    const { required } = await smallestOf(many, {
      reproduces: failsIf(
        (scenario) =>
          has('vm-3/f1')(scenario) &&
          scenario.steps.some(({ op }) => op === 'fault') &&
          scenario.cmdlines[0]?.includes('quiet') === true,
      ),
    });
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
    const { parsed: scenario } = await smallestOf(many, {
      reproduces: failsIf((each) => has('vm-7/f1')(each) && has('vm-190/f3')(each)),
    });
    expect(scenario.steps.flatMap((step) => (step.op === 'memfd' ? [step.memfd.file] : []))).toEqual([
      'vm-7/f1',
      'vm-190/f3',
    ]);
  });

  it('believes suspicions only where they hold', async () => {
    const reproduces = failsIf(has('vm-137/f2'));
    const guilty = await smallestOf(many, { reproduces, suspects: ['vm-137/f2', 'vm-137'] });
    const without = await smallestOf(many, { reproduces, suspects: ['vm-4'] });
    expect(without.parsed.steps.some((step) => step.op === 'create' && step.session === 'vm-137')).toBe(true);
    expect(guilty.tried).toBeLessThan(without.tried);
  });

  it('takes steps away with what they are about', async () => {
    const text =
      `${HEAD}steps:\n  - repeat: {count: 20, steps: [{create: "s{i}"}, {memfd: {name: "m{i}", size: 16MiB}}, ` +
      '{preserve: {session: "s{i}", file: "m{i}", token: "{i}"}}]}\n  - kexec\n' +
      '  - repeat: {count: 20, steps: [{retrieve: "s{i}"}, {finish: "s{i}"}]}\n';
    const { parsed: scenario, tried } = await smallestOf(text, {
      reproduces: failsIf(({ steps }) => steps.some((step) => step.op === 'finish' && step.session === 's13')),
    });
    expect(scenario.steps.map(({ op }) => op)).toEqual(['create', 'load', 'kexec', 'retrieve-session', 'finish']);
    expect(tried).toBeLessThan(40);
  });

  it('keeps the smallest so far when the time is up', async () => {
    let left = 5;
    const now = vi.spyOn(Date, 'now').mockImplementation(() => (left > 0 ? 0 : 2));
    const reproduces: Reproduces = async ({ scenario }) => {
      left--;
      return { holds: has('vm-137/f2')(scenario), instead: '', known: true };
    };
    const { done, parsed } = await smallestOf(many, { reproduces, deadline: 1, jobs: 1 });
    now.mockRestore();
    expect(done).toBe(false);
    expect(has('vm-137/f2')(parsed)).toBe(true);
    expect(parsed.steps.filter(({ op }) => op === 'fault')).toEqual([]);
  });

  it('ends with the reason of an abort, and with an error that is no LabError', async () => {
    const stop = new AbortController();
    const reproduces: Reproduces = async (_candidate, signal) => {
      stop.abort(new Error('Ctrl-C'));
      signal.throwIfAborted();
      return { holds: false, instead: '', known: true };
    };
    await expect(smallestOf(many, { reproduces, signal: stop.signal })).rejects.toThrow('Ctrl-C');
    await expect(smallestOf(many, { reproduces: () => Promise.reject(new TypeError('a bug')) })).rejects.toThrow(
      'a bug',
    );
  });
});
