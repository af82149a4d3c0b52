// SPDX-License-Identifier: Apache-2.0
// Checks a fleet against a profile.
import { describe, expect, it } from 'vitest';
import { bumped, checkProfile, type Host, type KernelFacts, parseComponent } from '../../src/compat/index.js';
import { guestEffectOf } from '../../src/compat/predict/guests.js';
import { pinGuests } from '../../src/compat/index.js';
import { STATE_VERSIONS } from '../../src/model/scenario/guest.js';
import type { Profile } from '../../src/model/scenario/profile.js';
import { loadScenario, parseScenario } from '../../src/scenario/index.js';
import { KERNELS, objectKernel } from './predict/kernels.js';

const host = (name: string, facts: KernelFacts, cmdline = ''): Host => ({ ...facts, name, cmdline, listed: null });
const profile = (pins: string, features: Record<string, string> = {}): Profile => ({
  name: 'p',
  description: '',
  file: 'p.yaml',
  pins: parseComponent(pins),
  features: Object.entries(features).map(([name, needs]) => ({ name, needs: parseComponent(needs) })),
});
const Q4 = profile('kho-v4;luo-v5;memfd-v2;object-v1', { label: 'object-v3', seals: 'memfd-v2' });
const OLD = host('old', objectKernel([1], [1], 1));
const MIDDLE = host('middle', objectKernel([1, 2], [1, 2], 2));
const NEW = host('new', objectKernel([2, 3], [2, 3], 3));

describe('hosts', () => {
  it('take part if they can read and write the pinned versions; lists what they need', () => {
    const { hosts, compatible } = checkProfile(Q4, [
      OLD,
      MIDDLE,
      NEW,
      host('stock', KERNELS['7.3.4']),
      host('6.19', KERNELS['6.19.11']),
    ]);
    expect(hosts.map(({ host: name, takesPart, needs, reasons }) => [name, takesPart, needs, reasons])).toEqual([
      ['old', true, '', []],
      ['middle', true, 'labobj.write=1', []],
      ['new', false, '', ['neither reads nor writes object 1, only 3, 2']],
      ['stock', false, '', ['has no object']],
      [
        '6.19',
        false,
        '',
        [
          'neither reads nor writes kho 4, only 1',
          'neither reads nor writes luo 5, only 1',
          'neither reads nor writes memfd 2, only 1',
          'has no object',
        ],
      ],
    ]);
    expect(compatible).toBe(false);
  });

  it('with unreadable images are unknown', () => {
    const unread = host('unread', { release: null, versions: [], known: false });
    expect(checkProfile(Q4, [unread])).toMatchObject({
      compatible: null,
      hosts: [{ takesPart: null }],
      outlook: [{ highest: null }, {}, {}, {}],
    });
    const metadata = checkProfile(profile('kexec-metadata-v1'), [host('a', { ...KERNELS['6.19.11'] })]);
    expect(metadata.hosts[0]).toMatchObject({
      takesPart: null,
      reasons: ['whether it reads kexec-metadata 1 is not known'],
    });
  });

  it('depend on their command lines', () => {
    expect(checkProfile(Q4, [host('new', NEW, 'labobj.reads=1,2 labobj.writes=1,2')]).hosts[0]).toMatchObject({
      takesPart: true,
      needs: 'labobj.write=1',
    });
  });
});

describe('versions', () => {
  it('have a highest common one, and hosts that block the next one', () => {
    const { outlook } = checkProfile(Q4, [OLD, MIDDLE]);
    expect(outlook.at(-1)).toEqual({
      component: 'object',
      pinned: 1,
      highest: 1,
      next: { version: 2, blockedBy: [{ host: 'old', reads: false, writes: false }] },
    });
    expect(outlook[0]).toEqual({ component: 'kho', pinned: 4, highest: 4, next: null });
    const reader = host('reader', objectKernel([1, 2], [1], 1));
    expect(checkProfile(Q4, [reader, MIDDLE]).outlook.at(-1)?.next?.blockedBy).toEqual([
      { host: 'reader', reads: true, writes: false },
    ]);
  });

  it('can be raised', () => {
    const two = bumped(Q4, parseComponent('object-v2'));
    expect(checkProfile(two, [MIDDLE, NEW])).toMatchObject({
      compatible: true,
      hosts: [{ needs: '' }, { needs: 'labobj.write=2' }],
    });
    expect(checkProfile(two, [OLD, MIDDLE]).hosts[0]).toMatchObject({ takesPart: false });
  });

  it('support features or not', () => {
    expect(checkProfile(Q4, []).features).toEqual([
      { feature: 'label', carried: false, needs: [{ name: 'object', version: 3 }] },
      { feature: 'seals', carried: true, needs: [] },
    ]);
    expect(checkProfile(bumped(Q4, parseComponent('object-v3')), []).features[0]).toMatchObject({ carried: true });
  });
});

describe('updates within a fleet', () => {
  it('are all pairs of hosts that take part, with the pinned versions', () => {
    const { updates, compatible } = checkProfile(Q4, [OLD, MIDDLE]);
    expect(updates.map(({ from, to, compatible: good, carries }) => [from, to, good, carries])).toEqual([
      ['old', 'middle', true, ['session', 'memfd', 'object']],
      ['middle', 'old', true, ['session', 'memfd', 'object']],
    ]);
    expect(compatible).toBe(true);
  });

  it('fail if only the notation is wrong', () => {
    const other = host('other', objectKernel([1], [1], 1, { notation: 'fdt', check: 'late' }));
    const { updates, compatible, hosts } = checkProfile(Q4, [OLD, other]);
    expect(hosts.every(({ takesPart }) => takesPart)).toBe(true);
    expect(updates.map(({ outcome, where }) => [outcome, where])).toEqual([
      ['leak', 'luo_session_deserialize'],
      ['leak', 'luo_session_deserialize'],
    ]);
    expect(compatible).toBe(false);
  });
});

describe('the state of guests', () => {
  it('has the same versions on every host', () => {
    const checked = checkProfile(profile('guest-state-v1', { 'several-vcpus': 'guest-state-v2' }), [
      host('stock', KERNELS['7.3.4']),
    ]);
    expect(checked).toMatchObject({
      hosts: [{ takesPart: true }],
      outlook: [{ highest: STATE_VERSIONS[0], next: { version: 2, blockedBy: [] } }],
      features: [{ carried: false }],
    });
    expect(checkProfile(profile('guest-state-v9'), [host('stock', KERNELS['7.3.4'])]).hosts[0]).toMatchObject({
      takesPart: false,
    });
  });

  it('is written in the pinned version, and a guest that needs more is refused first', async () => {
    const scenario = await loadScenario('scenarios/guests/check-settles-on-1.yaml', {});
    const two = parseScenario(scenario.source.replace('reads: [1]', 'vcpus: 2'), 'two.yaml', {});
    const versions = (pinned: typeof scenario) =>
      pinned.steps.flatMap((step) =>
        step.op === 'guest-save' ? [String(step.version)] : step.op === 'guest-restore' ? [String(step.reads)] : [],
      );
    expect(versions(pinGuests(scenario, 1))).toEqual(['1', '1']);
    expect(versions(pinGuests(scenario, null))).toEqual(versions(scenario));
    expect(guestEffectOf(two, 0)).toBeNull();
    expect(guestEffectOf(pinGuests(two, 1), 0)?.outcome).toBe('refused');
    expect(guestEffectOf(pinGuests(two, 2), 0)).toBeNull();
  });
});
