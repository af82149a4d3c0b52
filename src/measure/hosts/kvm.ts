// SPDX-License-Identifier: Apache-2.0
// `npm run hosts -- --kvm`: a Debian in an emulated machine whose processor has SVM, where the lab runs on KVM.
import { UsageError } from '../../util/errors.js';
import type { HostContext } from './debian.js';
import type { Host, HostPlan } from './host.js';

export function kvmHost(_plan: HostPlan, _context: HostContext): Promise<Host> {
  return Promise.reject(new UsageError('--kvm is not there yet'));
}
