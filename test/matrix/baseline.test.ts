// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesOf, entryOf, NO_BASELINE, readBaseline, writeBaseline } from '../../src/matrix/baseline.js';
import { expectationOf } from '../../src/matrix/expect.js';
import { parseScenario } from '../../src/scenario/index.js';
import { pairResultsOf } from '../../src/store/matrix/pair-results.js';
import { KERNELS } from '../compat/predict/kernels.js';
import { attemptOf, cellOf } from '../store/matrix/matrix.js';
import { temporaryFolder } from '../util/temporary.js';

const pairResults = (...attempts: Parameters<typeof attemptOf>[]) =>
  pairResultsOf(
    { cells: [cellOf('a'), cellOf('b'), cellOf('c'), cellOf('c', 2)] },
    attempts.map((each) => attemptOf(...each)),
  );

describe('the baseline of a plan', () => {
  it('takes over what is certain, and leaves the rest', () => {
    const file = join(temporaryFolder(), 'baseline.yaml');
    const { changes, unusable } = changesOf(
      NO_BASELINE,
      pairResults(
        ['a-1', { outcome: 'lost', endsIn: 'reboot' }],
        ['b-1', { outcome: 'leak', endsIn: 'panic' }],
        ['c-1'],
        ['c-2', { outcome: 'hang' }],
      ),
    );
    expect(unusable.map(({ state }) => state)).toEqual(['flaky']);
    writeBaseline(file, NO_BASELINE, changes);
    expect(readFileSync(file, 'utf8')).toContain(
      'scenarios/a.yaml:\n  7.2.12 -> 7.3.4: lost\nscenarios/b.yaml:\n  7.2.12 -> 7.3.4:\n    outcome: leak\n' +
        '    endsIn: panic\n',
    );
    const baseline = readBaseline(file);
    expect(entryOf(baseline, cellOf('a'))).toEqual({ outcome: 'lost', endsIn: null });
    expect(entryOf(baseline, cellOf('b'))).toEqual({ outcome: 'leak', endsIn: 'panic' });
    expect(entryOf(baseline, cellOf('a', 1, ['7.3.4', '7.2.12']))).toBeNull();
    // The same again changes nothing; another outcome does, and what the matrix did not have stays.
    expect(changesOf(baseline, pairResults(['a-1', { outcome: 'lost', endsIn: 'reboot' }])).changes).toEqual([]);
    const next = changesOf(baseline, pairResults(['a-1'])).changes;
    expect(next).toMatchObject([
      { scenario: 'scenarios/a.yaml', before: { outcome: 'lost' }, after: { outcome: 'preserved' } },
    ]);
    writeBaseline(file, baseline, next);
    expect(entryOf(readBaseline(file), cellOf('b'))).not.toBeNull();
  });

  it('may be missing, and says what is wrong with it', () => {
    const file = join(temporaryFolder(), 'baseline.yaml');
    expect(readBaseline(file)).toBe(NO_BASELINE);
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, 'a.yaml: {"1 -> 2": fine}\n');
    expect(() => readBaseline(file)).toThrow(/a\.yaml: 1 -> 2: expected an outcome: infra, panic/);
    writeFileSync(file, 'a: [\n');
    expect(() => readBaseline(file)).toThrow(file);
  });
});

describe('what is expected of a cell', () => {
  const pairResult = (text: string, kernels: string[], own: boolean) => ({
    path: 'scenarios/a.yaml',
    own,
    repeats: 1,
    scenario: parseScenario(text, 'a.yaml', { kernels }),
  });
  const memfd = 'from: "7.2.12"\nto: "7.3.4"\nsessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]\n';
  const expected = (
    text: string,
    kernels: string[],
    own: boolean,
    how: 'auto' | 'scenario' | 'prediction' = 'auto',
    baseline = NO_BASELINE,
  ) =>
    expectationOf(
      pairResult(text, kernels, own),
      { expect: how },
      kernels.map((name) => KERNELS[name as keyof typeof KERNELS]) as never,
      baseline,
    );

  it("is the scenario's word on its own kernels, the prediction on others, and the baseline's before both", () => {
    expect(expected(`${memfd}expect: hang\n`, ['7.2.12', '7.3.4'], true)).toEqual({
      outcome: 'hang',
      endsIn: null,
      source: 'scenario',
    });
    expect(expected(memfd, ['7.1.13', '7.3.4'], false)).toEqual({
      outcome: 'lost',
      endsIn: 'reboot',
      source: 'prediction',
    });
    expect(expected(memfd, ['7.1.13', '7.3.4'], false, 'scenario')).toMatchObject({
      outcome: 'preserved',
      source: 'scenario',
    });
    expect(expected(`${memfd}expect: hang\n`, ['7.2.12', '7.3.4'], true, 'prediction')).toMatchObject({
      outcome: 'preserved',
      source: 'prediction',
    });
    const baseline = new Map([
      ['scenarios/a.yaml', new Map([['7.2.12 -> 7.3.4', { outcome: 'leak' as const, endsIn: null }]])],
    ]);
    expect(expected(memfd, ['7.2.12', '7.3.4'], true, 'auto', baseline)).toEqual({
      outcome: 'leak',
      endsIn: null,
      source: 'baseline',
    });
  });

  it("of damage from outside is the damage's where the images alone would let the update go well", () => {
    const damaged = `${memfd}faults: [{at: before-kexec, do: triple-fault}]\nexpect: reboot\n`;
    expect(expected(damaged, ['7.3.4', '7.2.12'], false)).toMatchObject({ outcome: 'reboot', source: 'scenario' });
    expect(expected(damaged, ['6.19.11', '7.2.12'], false)).toMatchObject({ outcome: 'lost', source: 'prediction' });
  });
});
