// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { comparePair, predict, stockVersions, type KernelFacts, type Use } from '../../../src/compat/index.js';
import { KERNELS, LUO_KERNELS, stock } from './kernels.js';

const foretell = (from: KernelFacts, to: KernelFacts, cmdlineTo = '', uses: readonly Use[] = ['memfd']) => {
  const prediction = predict({ from, to, cmdlineFrom: '', cmdlineTo, uses });
  if (prediction === null) throw new Error('no prediction');
  return prediction;
};
const outcome = (...input: Parameters<typeof foretell>) => {
  const { outcome: seen, endsIn } = foretell(...input);
  return `${seen}/${endsIn}`;
};
/** A kernel with some components in other versions; null removes one. */
const changed = (name: keyof typeof KERNELS, changes: Record<string, number | null>): KernelFacts => ({
  release: KERNELS[name].release,
  versions: [
    ...KERNELS[name].versions.filter((component) => !(component.name in changes)),
    ...stockVersions(
      Object.entries(changes).flatMap(([component, version]) =>
        version === null ? [] : [{ name: component, version }],
      ),
    ),
  ],
  known: true,
});

describe('the 16 pairs of the LUO kernels, as measured', () => {
  const meet = new Set([
    '6.19.11 6.19.11',
    '7.1.13 7.1.13',
    '7.2.12 7.2.12',
    '7.3.4 7.3.4',
    '7.2.12 7.3.4',
    '7.3.4 7.2.12',
  ]);
  const pairs = LUO_KERNELS.flatMap((from) => LUO_KERNELS.map((to) => [from, to] as const));
  it.each(pairs)('%s to %s', (from, to) => {
    const prediction = foretell(KERNELS[from], KERNELS[to]);
    if (meet.has(`${from} ${to}`)) {
      expect(prediction).toMatchObject({ outcome: 'preserved', endsIn: 'none', mismatches: [] });
    } else {
      expect(prediction).toMatchObject({ outcome: 'lost', endsIn: 'reboot' });
      expect(prediction.mismatches[0]).toMatchObject({ component: 'kho', endsIn: 'reboot', source: 'images' });
      expect(prediction.reasons[0]).toMatch(/kho_populate/);
    }
    expect(foretell(KERNELS[from], KERNELS[to]).mismatches).toEqual(
      comparePair(KERNELS[from].versions, KERNELS[to].versions),
    );
  });
});

describe('comparePair', () => {
  const pair = (from: string, to: string) =>
    comparePair(stock(null, from).versions, stock(null, to).versions).map(({ component, wrote, reads, endsIn }) => [
      component,
      wrote,
      reads,
      endsIn,
    ]);
  it('lists every mismatch in reading order', () => {
    expect(pair('memfd-v1;luo-v1;kho-v1', 'kho-v4;luo-v5;memfd-v2')).toEqual([
      ['kho', 1, [4], 'reboot'],
      ['luo', 1, [5], 'panic'],
      ['memfd', 1, [2], 'leak'],
    ]);
  });
  it('compares integers, not strings', () => {
    expect(pair('kho-v10', 'kho-v9')).toEqual([['kho', 10, [9], 'reboot']]);
  });
  it('one common version of several is a match', () => {
    expect(pair('kho-v4;memfd-v2;memfd-v3', 'kho-v5;kho-v4;memfd-v3')).toEqual([]);
    expect(pair('kho-v3', 'kho-v5;kho-v4')).toEqual([['kho', 3, [5, 4], 'reboot']]);
  });
  it('leaves out components inside one that does not match', () => {
    expect(pair('kho-v4;luo-v1;luo-session-v2', 'kho-v4;luo-v5')).toEqual([['luo', 1, [5], 'panic']]);
    expect(pair('kho-v4;luo-v1;luo-session-v2', 'kho-v4;luo-v1;luo-session-v3')).toEqual([
      ['luo-session', 2, [3], 'panic'],
    ]);
  });
  it('knows components that the next kernel needs', () => {
    expect(pair('kho-v3;luo-v1;luo-session-v2', 'kho-v3;luo-v1;luo-session-v2;luo-flb-v1')).toEqual([
      ['luo-flb', null, [1], 'panic'],
    ]);
    expect(pair('kho-v3;luo-v1;luo-session-v2;luo-flb-v1', 'kho-v3;luo-v1;luo-session-v2')).toEqual([]);
    expect(pair('kho-v4;luo-v5;memfd-v2', 'memblock-v1')).toEqual([
      ['kho', 4, [], 'reboot'],
      ['luo', 5, [], 'leak'],
      ['memfd', 2, [], 'leak'],
    ]);
  });
  it('names the deciding function', () => {
    expect(comparePair(stock(null, 'luo-v5').versions, stock(null, 'luo-v9').versions)[0]?.detail).toMatch(
      /^liveupdate_early_init: /,
    );
  });
});

describe('predict', () => {
  const kernel = KERNELS['7.3.4'];
  it('changed version strings end as in real runs', () => {
    expect(outcome(changed('7.3.4', { luo: 9 }), kernel)).toBe('panic/panic');
    expect(outcome(changed('7.3.4', { memfd: 9 }), kernel)).toBe('leak/leak');
    expect(outcome(changed('7.3.4', { kho: 9 }), kernel)).toBe('lost/reboot');
  });
  it('the first broken layer decides', () => {
    const prediction = foretell(changed('7.3.4', { kho: 9, luo: 9, memfd: 9 }), kernel);
    expect(prediction.outcome).toBe('lost');
    expect(prediction.reasons).toHaveLength(2);
    expect(prediction.reasons[1]).toMatch(/luo, memfd$/);
    expect(outcome(changed('7.3.4', { luo: 9, memfd: 9 }), kernel)).toBe('panic/panic');
  });
  it('knows next kernels without a layer', () => {
    expect(outcome(kernel, stock(null, ''))).toBe('lost/reboot');
    expect(outcome(kernel, changed('7.3.4', { luo: null, memfd: null }))).toBe('leak/leak');
    expect(outcome(kernel, changed('7.3.4', { memfd: null }))).toBe('leak/leak');
    expect(outcome(KERNELS['6.19.11'], KERNELS['6.18.15'])).toBe('leak/leak');
  });
  it('knows switches of the next kernel', () => {
    expect(outcome(kernel, kernel, 'kho=on liveupdate=on kho=off')).toBe('leak/leak');
    expect(outcome(kernel, kernel, 'liveupdate=off')).toBe('leak/leak');
    expect(outcome(kernel, kernel, 'kho=off', ['reserve_mem'])).toBe('preserved/none');
    expect(outcome(kernel, kernel, 'liveupdate=off', ['reserve_mem'])).toBe('preserved/none');
  });
  it('knows that switches do not prevent every mismatch', () => {
    expect(outcome(changed('7.3.4', { luo: 9 }), kernel, 'liveupdate=off')).toBe('panic/panic');
    expect(outcome(changed('7.3.4', { luo: 9 }), kernel, 'kho=off')).toBe('leak/leak');
    expect(outcome(changed('7.3.4', { kho: 9 }), kernel, 'kho=off')).toBe('lost/reboot');
  });
  it('considers only what is carried', () => {
    expect(outcome(changed('7.3.4', { memfd: 9 }), kernel, '', ['session'])).toBe('preserved/none');
    expect(outcome(changed('7.3.4', { memfd: 9 }), kernel, '', ['reserve_mem'])).toBe('preserved/none');
    expect(outcome(changed('7.3.4', { 'reserve-mem': 2 }), kernel, '', ['memfd'])).toBe('preserved/none');
    expect(outcome(changed('7.3.4', { 'reserve-mem': 2 }), kernel, '', ['reserve_mem'])).toBe('leak/leak');
    expect(outcome(changed('7.3.4', { luo: 9 }), kernel, '', [])).toBe('panic/panic');
    expect(outcome(changed('7.3.4', { kho: 9 }), kernel, '', [])).toBe('preserved/none');
    expect(outcome(changed('7.3.4', { 'kexec-metadata': 2 }), kernel)).toBe('preserved/none');
    expect(outcome(KERNELS['6.18.15'], KERNELS['6.19.11'], '', ['reserve_mem'])).toBe('preserved/none');
  });
  it('knows an old kernel that cannot preserve something', () => {
    expect(outcome(KERNELS['6.18.15'], kernel)).toBe('refused/none');
    expect(outcome(changed('7.3.4', { memfd: null }), kernel)).toBe('refused/none');
  });
  it('knows a layout that changed without its version', () => {
    const old: KernelFacts = { ...KERNELS['6.18.15'], release: '6.17.8' };
    expect(outcome(old, KERNELS['6.18.15'], '', ['reserve_mem'])).toBe('corrupt/reboot');
    expect(outcome(old, { ...old, release: '6.17.9' }, '', ['reserve_mem'])).toBe('preserved/none');
    expect(outcome({ ...old, release: null }, KERNELS['6.18.15'], '', ['reserve_mem'])).toBe('preserved/none');
  });
  it('returns null for unreadable images', () => {
    expect(
      predict({ from: { ...kernel, known: false }, to: kernel, cmdlineFrom: '', cmdlineTo: '', uses: ['memfd'] }),
    ).toBeNull();
    expect(
      predict({ from: kernel, to: { ...kernel, known: false }, cmdlineFrom: '', cmdlineTo: '', uses: ['memfd'] }),
    ).toBeNull();
  });
});
