// SPDX-License-Identifier: Apache-2.0
// Which accelerator a scenario with guests gets. Guests run on KVM inside the machine. Under TCG the machine always has
// it, because QEMU emulates SVM. On KVM, the host must pass its own virtualization on, and the kernels must be able to
// drive it: otherwise no guest could even start, which would say nothing about an update.
import { isSet } from '../compat/index.js';
import type { AccelAnswer } from '../host/accel.js';
import { type NestedKvm, nestedKvm, type Virtualization } from '../host/kvm/nested.js';
import type { KernelImage } from '../model/kernel/image.js';
import type { Scenario } from '../model/scenario/scenario.js';
import type { Accel } from '../qemu/args.js';
import { configOf } from '../run/index.js';
import { requireFeatures } from './require-features.js';

const DRIVERS: Readonly<Record<Virtualization, string>> = { svm: 'CONFIG_KVM_AMD', vmx: 'CONFIG_KVM_INTEL' };

export interface AccelChoice {
  wanted: 'auto' | Accel;
  /** What machines without guests get. */
  answer: AccelAnswer;
  /** Tests replace it. */
  nested?: () => NestedKvm;
}

/** Throws a ScenarioError if the user asked for KVM, and guests cannot run on it. */
export function accelFor(
  scenario: Scenario,
  kernels: readonly KernelImage[],
  { wanted, answer, nested = nestedKvm }: AccelChoice,
): AccelAnswer {
  const guest = scenario.steps.find(({ op }) => op === 'guest-create');
  if (answer.accel === 'tcg' || guest === undefined) return answer;
  const obstacle = obstacleOf(kernels, nested());
  if (obstacle === null) return answer;
  const { why, hint, known } = obstacle;
  if (wanted === 'auto')
    return { accel: 'tcg', why: `guests need KVM in the machine, but ${why}; to mend it: ${hint}` };
  if (known)
    requireFeatures(
      [{ pos: guest.pos, message: `guests need KVM in the machine, but ${why}`, hint: `--accel tcg, or ${hint}` }],
      scenario,
    );
  return answer;
}

interface Obstacle {
  why: string;
  hint: string;
  /** False if guests may run all the same: the user who asks for KVM gets it. */
  known: boolean;
}

function obstacleOf(kernels: readonly KernelImage[], host: NestedKvm): Obstacle | null {
  if (host.gives === 'nothing' || host.gives === 'unknown')
    return { why: host.why, hint: host.hint, known: host.gives === 'nothing' };
  const driver = DRIVERS[host.gives];
  const without = kernels.find((kernel) => {
    const config = configOf(kernel);
    // A kernel without any KVM has no guests on any accelerator.
    return config !== null && isSet(config, 'CONFIG_KVM') && !isSet(config, driver);
  });
  return without === undefined
    ? null
    : {
        why: `kernel ${without.name} is built without ${driver}, which this processor needs`,
        hint: 'choose another kernel, or build one with it',
        known: true,
      };
}
