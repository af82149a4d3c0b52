// SPDX-License-Identifier: Apache-2.0
// Does KVM work in a machine that itself runs on KVM? The modules of KVM say so: guests of a scenario need it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The processor's instructions for virtual machines, which KVM passes on to a machine: AMD's and Intel's. */
export type Virtualization = 'svm' | 'vmx';

export type NestedKvm =
  | { gives: Virtualization }
  /** `unknown`: neither module is there to ask, as with other kinds of KVM. */
  | { gives: 'nothing' | 'unknown'; why: string; hint: string };

const MODULES: readonly { name: string; gives: Virtualization }[] = [
  { name: 'kvm_amd', gives: 'svm' },
  { name: 'kvm_intel', gives: 'vmx' },
];

/** A parameter of a module that is on. Old kernels print 1, newer ones Y. */
const ON = /^[Y1]/;

/** @param modules folder with the parameters of the kernel's modules, which tests replace */
export function nestedKvm(modules = '/sys/module'): NestedKvm {
  for (const { name, gives } of MODULES) {
    const nested = read(join(modules, name, 'parameters/nested'));
    if (nested === null) continue;
    if (ON.test(nested)) return { gives };
    return {
      gives: 'nothing',
      why: `${name} does not let machines use KVM themselves (nested=${nested.trim()})`,
      hint: `end all virtual machines of this host, then: sudo modprobe -r ${name}; sudo modprobe ${name} nested=1`,
    };
  }
  return {
    gives: 'unknown',
    why: "the host's KVM does not say whether machines can use KVM themselves",
    hint: 'the modules kvm_amd and kvm_intel say so in /sys/module/MODULE/parameters/nested',
  };
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return null;
  }
}
