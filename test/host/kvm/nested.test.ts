// SPDX-License-Identifier: Apache-2.0
// What the modules of KVM say about KVM in a machine.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nestedKvm } from '../../../src/host/kvm/nested.js';
import { temporaryFolder } from '../../util/temporary.js';

function modules(parameters: Readonly<Record<string, string>>): string {
  const dir = temporaryFolder();
  for (const [module, nested] of Object.entries(parameters)) {
    mkdirSync(join(dir, module, 'parameters'), { recursive: true });
    writeFileSync(join(dir, module, 'parameters/nested'), nested);
  }
  return dir;
}

it.each([
  ['kvm_amd', '1\n', 'svm'],
  ['kvm_amd', 'Y\n', 'svm'],
  ['kvm_intel', 'Y\n', 'vmx'],
  ['kvm_intel', '1\n', 'vmx'],
])('%s with nested=%j gives a machine %s', (module, nested, gives) => {
  expect(nestedKvm(modules({ [module]: nested }))).toEqual({ gives });
});

it.each([
  ['kvm_amd', '0\n'],
  ['kvm_intel', 'N\n'],
])('%s with nested=%j gives it nothing, and the hint names the module', (module, nested) => {
  const answer = nestedKvm(modules({ [module]: nested }));
  expect(answer.gives).toBe('nothing');
  expect('hint' in answer ? answer.hint : '').toContain(`modprobe ${module} nested=1`);
});

it('says that it does not know where neither module is there', () => {
  expect(nestedKvm(modules({})).gives).toBe('unknown');
  expect(nestedKvm(modules({ kvm_other: '1\n' })).gives).toBe('unknown');
});
