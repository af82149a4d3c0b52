// SPDX-License-Identifier: Apache-2.0
// A pair in both directions: the same answers as the prediction of a run, and what would help.
import { describe, expect, it } from 'vitest';
import {
  type CheckInput,
  checkPair,
  type KernelFacts,
  parseComponent,
  predict,
  splitByImages,
} from '../../src/compat/index.js';
import { KERNELS, LUO_KERNELS, objectKernel, stock } from './predict/kernels.js';

const check = (from: KernelFacts, to: KernelFacts, more: Partial<CheckInput> = {}) =>
  checkPair({
    from: { ...from, listed: [] },
    to: { ...to, listed: [] },
    cmdlineFrom: '',
    cmdlineTo: '',
    uses: null,
    objectNeeds: null,
    ...more,
  });
const object = (...args: Parameters<typeof check>) =>
  check(...args).components.find(({ component }) => component === 'object');

describe('a pair of stock kernels', () => {
  const pairs = LUO_KERNELS.flatMap((from) => LUO_KERNELS.map((to) => [from, to] as const));
  it.each(pairs)('%s and %s: both directions as predicted for a run', (from, to) => {
    const uses = ['session', 'memfd', 'reserve_mem'] as const;
    const { update, rollback } = check(KERNELS[from], KERNELS[to]);
    for (const [direction, one, other] of [
      [update, from, to],
      [rollback, to, from],
    ] as const) {
      const prediction = predict({ from: KERNELS[one], to: KERNELS[other], cmdlineFrom: '', cmdlineTo: '', uses });
      expect(direction).toMatchObject({
        outcome: prediction?.outcome,
        endsIn: prediction?.endsIn,
        where: prediction?.where,
        compatible: prediction?.outcome === 'preserved',
        carries: uses,
      });
    }
  });

  it('lists every component in reading order, with its own effect', () => {
    const lines = check(KERNELS['6.19.11'], KERNELS['7.3.4']).components.map(({ component, update, rollback }) => [
      component,
      update.state,
      update.endsIn,
      update.where,
      rollback.state,
    ]);
    expect(lines).toEqual([
      ['kho', 'mismatch', 'reboot', 'kho_populate', 'mismatch'],
      ['luo', 'mismatch', 'panic', 'liveupdate_early_init', 'mismatch'],
      ['luo-session', 'unreached', 'none', null, 'unreached'],
      ['memfd', 'mismatch', 'leak', 'luo_session_deserialize', 'mismatch'],
      ['memblock', 'match', 'none', null, 'match'],
      ['reserve-mem', 'match', 'none', null, 'match'],
      ['kexec-metadata', 'none', 'none', null, 'none'],
    ]);
  });

  it('carries everything that the writing kernel can, or the given uses', () => {
    expect(check(KERNELS['6.18.15'], KERNELS['6.19.11'])).toMatchObject({
      update: { carries: ['reserve_mem'], compatible: true },
      rollback: { carries: ['session', 'memfd', 'reserve_mem'], outcome: 'leak' },
    });
    expect(
      check(stock(null, 'kho-v4;luo-v5;memfd-v1'), KERNELS['7.3.4'], { uses: ['session'] }).update.compatible,
    ).toBe(true);
    expect(check(stock(null, ''), KERNELS['7.3.4']).update).toMatchObject({ compatible: false, outcome: 'refused' });
  });

  it('compares versions as numbers', () => {
    const many = stock(null, 'kho-v4;luo-v5;memfd-v9;memfd-v10');
    expect(check(many, many).components.find(({ component }) => component === 'memfd')?.update).toMatchObject({
      highestCommon: 10,
      reads: [10, 9],
    });
  });

  it('gives no answer for an unreadable image, in both directions', () => {
    const { update, rollback, components } = check(
      { ...KERNELS['7.3.4'], versions: [], known: false },
      KERNELS['7.3.4'],
    );
    expect([update.compatible, rollback.compatible]).toEqual([null, null]);
    expect(update.reasons[0]).toContain('the image of the old kernel could not be read');
    expect(components.every(({ from }) => from === null)).toBe(true);
  });

  it('a component without a string in the image is unknown and harmless', () => {
    const { components, update } = check(KERNELS['6.19.11'], KERNELS['6.19.11'], {
      to: { ...KERNELS['6.19.11'], listed: null },
    });
    expect(components.at(-1)).toMatchObject({
      component: 'kexec-metadata',
      update: { state: 'unknown', endsIn: 'none' },
      rollback: { state: 'unknown' },
    });
    expect(update.compatible).toBe(true);
  });

  it('does not judge an unknown component', () => {
    const { components, update } = check(stock(null, 'kho-v4;luo-v5;memfd-v2;widget-v1'), KERNELS['7.3.4']);
    expect(components.at(-1)).toMatchObject({
      component: 'widget',
      update: { state: 'unjudged' },
      rollback: { state: 'none' },
    });
    expect(update.compatible).toBe(true);
  });
});

describe('a kernel that can be locked down', () => {
  const kernel = KERNELS['7.3.4'];
  const rules = { lockdown: 'on-demand', signature: 'in-lockdown' } as const;
  const locks = { ...kernel, boot: { initSize: null, runtime: null, handoverDebug: null, loading: rules } };
  const locked = { cmdlineFrom: 'lockdown=integrity' };

  it('loads no image as it was built; the way back is judged by the other command line', () => {
    const { update, rollback } = check(locks, locks, locked);
    expect(update).toMatchObject({ compatible: false, outcome: 'refused', where: 'kimage_validate_signature' });
    expect(update.reasons[0]).toMatch(/locked down, and the image is not signed/);
    expect(rollback.compatible).toBe(true);
    expect(check(locks, locks).update.compatible).toBe(true);
  });

  it('loads a signed one, if the call can check it', () => {
    const outcome = (call: 'kexec_file_load' | 'kexec_load') =>
      check(locks, locks, { ...locked, loading: { call, signer: 'trusted' } }).update.outcome;
    expect([outcome('kexec_file_load'), outcome('kexec_load')]).toEqual(['preserved', 'refused']);
  });
});

describe('negotiation', () => {
  it('the written version decides; shows the highest common one and how to set it', () => {
    expect(object(objectKernel([1, 2, 3], [1, 2, 3], 1), objectKernel([1, 2], [1, 2], 2))).toMatchObject({
      update: { state: 'match', wrote: [1], highestCommon: 2, set: 'labobj.write=2' },
      rollback: { state: 'match', wrote: [2], highestCommon: 2, set: null },
    });
    expect(object(objectKernel([1, 2, 3], [1, 2, 3], 3), objectKernel([1, 2], [1, 2], 2))?.update).toMatchObject({
      state: 'mismatch',
      highestCommon: 2,
      set: 'labobj.write=2',
      endsIn: 'leak',
      where: 'luo_session_deserialize',
    });
  });

  it('setting it makes the update work', () => {
    const [from, to] = [
      objectKernel([1, 2, 3], [1, 2, 3], 3, { notation: 'composite', check: 'late' }),
      objectKernel([1, 2], [1, 2], 2),
    ];
    const comparison = object(from, to)?.update;
    expect(comparison).toMatchObject({ highestCommon: 2, set: 'labobj.notation=token labobj.write=2' });
    expect(check(from, to).update).toMatchObject({ compatible: false, helps: 'labobj.notation=token labobj.write=2' });
    expect(check(from, to).rollback).toMatchObject({ compatible: false, helps: 'labobj.notation=composite' });
    expect(
      check({ ...from, versions: from.versions.filter(({ name }) => name !== 'kho') }, to).rollback.helps,
    ).toBeNull();
    expect(check(from, to, { cmdlineFrom: comparison?.set ?? '' }).update.compatible).toBe(true);
  });

  it('without a common version nothing helps', () => {
    expect(object(objectKernel([3, 4], [3, 4], 3), objectKernel([1, 2], [1, 2], 2))?.update).toMatchObject({
      state: 'mismatch',
      highestCommon: null,
      set: null,
    });
  });

  it('ignores a version that cannot carry the content', () => {
    const [from, to] = [objectKernel([1, 2, 3], [1, 2, 3], 3), objectKernel([1, 2], [1, 2], 2)];
    expect(object(from, to, { objectNeeds: 3 })?.update).toMatchObject({ highestCommon: null, set: null });
    expect(
      check(from, to, { objectNeeds: 3, cmdlineFrom: 'labobj.write=2', uses: ['session', 'object'] }).update,
    ).toMatchObject({ compatible: false, outcome: 'refused' });
  });

  it('an object without known build options', () => {
    const bare: KernelFacts = {
      ...KERNELS['7.3.4'],
      versions: [
        ...KERNELS['7.3.4'].versions,
        { name: 'object', reads: [2, 1], writes: null, write: null, manner: null },
      ],
    };
    const { update, rollback } = check(bare, objectKernel([1], [1], 1));
    expect(update).toMatchObject({ compatible: null, outcome: null });
    expect(update.reasons[0]).toContain('configuration');
    expect(rollback.compatible).toBeNull();
    // It does not matter if no object is carried.
    expect(check(bare, objectKernel([1], [1], 1), { uses: ['session', 'memfd'] }).update.compatible).toBe(true);
  });
});

describe('the versions that the running kernel would write', () => {
  const versions = (text: string) => stock('x', text).versions;

  it('are split into those that an image shows, and hidden ones', () => {
    const seen = parseComponent('memfd-v2;vfio-pci-v1;iommufd-v1');
    expect(splitByImages(seen, versions('memfd-v2'), versions('memfd-v2;iommufd-v2'))).toEqual({
      shown: parseComponent('memfd-v2;iommufd-v1'),
      hidden: parseComponent('vfio-pci-v1'),
    });
    expect(splitByImages(seen, versions('vfio-pci-v1'), versions('memfd-v2')).hidden).toEqual(
      parseComponent('iommufd-v1'),
    );
  });
});
