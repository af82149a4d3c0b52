// SPDX-License-Identifier: Apache-2.0
// The right outcome for a wrong reason is not a hit.
import { describe, expect, it } from 'vitest';
import type { Mismatch } from '../../src/model/kernel/component.js';
import type { Incident } from '../../src/model/result/incident.js';
import type { Prediction } from '../../src/model/result/prediction.js';
import { isHit, type Shown } from '../../src/verdict/hit.js';

const incident = (title: string, detail = ''): Incident => ({
  source: 'agent',
  side: 'inside',
  implies: 'refused',
  title,
  detail,
  epoch: 0,
  t: 1,
});
const predicted = (about: Partial<Prediction> = {}): Prediction => ({
  outcome: 'refused',
  endsIn: 'none',
  where: null,
  component: null,
  signs: [],
  mismatches: [],
  reasons: ['why'],
  ...about,
});
const shown = (about: Partial<Shown> = {}): Shown => ({
  outcome: 'refused',
  endsIn: 'none',
  cause: null,
  incidents: [],
  mismatches: [],
  ...about,
});
const mismatch = (component: string, source: Mismatch['source']): Mismatch => ({
  component,
  wrote: 2,
  reads: [3],
  endsIn: 'leak',
  source,
  detail: '',
});

describe('a prediction is right', () => {
  it('if outcome and ending match, and no reason was predicted', () => {
    expect(isHit(predicted(), shown())).toBe(true);
    expect(isHit(predicted(), shown({ outcome: 'lost', endsIn: 'reboot' }))).toBe(false);
    expect(isHit(predicted({ outcome: 'leak', endsIn: 'leak' }), shown({ outcome: 'leak', endsIn: 'reboot' }))).toBe(
      false,
    );
  });

  it('if one of its signs was seen: a device without a handler, not one that refuses to freeze', () => {
    const noHandler = predicted({ component: 'vfio', signs: ['device-preserve failed with ENOENT'] });
    expect(
      isHit(
        noHandler,
        shown({
          cause: incident('the update was called off', 'device-preserve failed with ENOENT; the update was called off'),
        }),
      ),
    ).toBe(true);
    expect(
      isHit(
        noHandler,
        shown({
          cause: incident(
            'the update was called off',
            'kexec failed with EINVAL: Freeze failed! Interrupts are still enabled',
          ),
        }),
      ),
    ).toBe(false);
  });

  it('if the run itself showed a mismatch of the component', () => {
    const memfd = predicted({ outcome: 'leak', endsIn: 'leak', component: 'memfd' });
    const leak = shown({ outcome: 'leak', endsIn: 'leak' });
    expect(isHit(memfd, { ...leak, mismatches: [mismatch('memfd', 'run')] })).toBe(true);
    expect(isHit(memfd, { ...leak, mismatches: [mismatch('memfd', 'images'), mismatch('luo', 'run')] })).toBe(false);
    expect(isHit({ ...memfd, component: 'labvfio' }, { ...leak, mismatches: [mismatch('vfio', 'run')] })).toBe(true);
  });

  it('if the predicted function or version is mentioned', () => {
    const lost = { outcome: 'lost', endsIn: 'reboot' } as const;
    const early = predicted({ ...lost, component: 'kho', where: 'kho_populate' });
    expect(isHit(early, shown({ ...lost, incidents: [incident('WARNING in kho_populate')] }))).toBe(true);
    const version = predicted({ ...lost, component: 'memfd', mismatches: [mismatch('memfd', 'images')] });
    expect(isHit(version, shown({ ...lost, incidents: [incident('no handler', 'for memfd-v2')] }))).toBe(true);
    expect(isHit(version, shown({ ...lost, incidents: [incident('another thing')] }))).toBe(false);
  });
});
