// SPDX-License-Identifier: Apache-2.0
// Handlers and FLBs that the image shows, with versions from their names or from the source, and what a difference
// does.
import { describe, expect, it } from 'vitest';
import { parseComponent } from '../../../src/compat/binary/component.js';
import { findMismatches } from '../../../src/compat/find-mismatches.js';
import { compareComponents } from '../../../src/compat/rules/compare.js';
import { componentOf, kernelVersions } from '../../../src/compat/versions/versions.js';

const kernel = (handlers: string, flbs: string, numbers = '') => {
  const words = (text: string) => (text === '' ? [] : text.split(' '));
  return kernelVersions({
    strings: parseComponent('kho-v4;luo-v5;memfd-v2'),
    listed: null,
    config: null,
    whole: true,
    registered: { handlers: ['memfd-v2', ...words(handlers)], flbs: words(flbs) },
    numbers: numbers === '' ? [] : parseComponent(numbers),
  });
};
const states = (from: ReturnType<typeof kernel>, to: ReturnType<typeof kernel>) =>
  compareComponents(from.versions, to.versions)
    .filter(({ rule }) => !['kho', 'luo', 'memfd'].includes(rule.component))
    .filter(({ state }) => state !== 'none' && state !== 'unreached')
    .map(({ rule, state, effect }) => `${rule.component} ${state}${effect === null ? '' : ` ${effect.endsIn}`}`);

describe('an FLB', () => {
  it('has the number of the source as its version', () => {
    expect(componentOf(kernel('', 'pci', 'pci 2;kho 4').versions, 'pci')).toMatchObject({ reads: [2], write: 2 });
    // The source has it, and the image does not.
    expect(componentOf(kernel('', '', 'pci 2').versions, 'pci')).toBeNull();
  });

  it('without a number has a version that is not known, instead of none', () => {
    const unknown = kernel('vfio-pci-v1', 'pci');
    expect(componentOf(unknown.versions, 'pci')).toMatchObject({ reads: [], writes: null, write: null, kind: 'flb' });
    expect(states(unknown, kernel('vfio-pci-v1', 'pci', 'pci 2'))).toContain('pci unknown');
    expect(states(kernel('vfio-pci-v1', 'pci', 'pci 2'), unknown)).toContain('pci unknown');
  });

  it('in another number panics at enumeration, and a preflight sees that', () => {
    const [from, to] = [kernel('vfio-pci-v1', 'pci', 'pci 2'), kernel('vfio-pci-v1', 'pci', 'pci 3')];
    expect(states(from, to)).toContain('pci mismatch panic');
    const facts = { ...to, release: null };
    const written = parseComponent('kho-v4;luo-v5;memfd-v2;vfio-pci-v1;pci 2');
    expect(findMismatches(written, facts, { uses: ['device'] })).toMatchObject([
      { component: 'pci', wrote: 2, reads: [3], endsIn: 'panic' },
    ]);
    expect(findMismatches(written, { ...from, release: null }, { uses: ['device'] })).toEqual([]);
    expect(findMismatches(written, facts, { uses: ['memfd'] })).toEqual([]);
  });

  it('that nobody asks for does no harm', () => {
    expect(states(kernel('', 'widget-v1 pci', 'pci 2'), kernel('', ''))).toEqual([]);
  });
});

describe('a handler', () => {
  it('that is missing leaks the sessions, whatever its name', () => {
    expect(states(kernel('widget-v1', ''), kernel('', ''))).toEqual(['widget mismatch leak']);
    expect(states(kernel('widget-v1', ''), kernel('widget-v2', ''))).toEqual(['widget mismatch leak']);
    expect(states(kernel('widget-v1', ''), kernel('widget-v1', ''))).toEqual(['widget match']);
  });

  it('of a device loses the device', () => {
    expect(states(kernel('vfio-pci-v1', ''), kernel('', ''))).toEqual(['vfio-pci mismatch reboot']);
  });
});
