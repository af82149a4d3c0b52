// SPDX-License-Identifier: Apache-2.0
// The QEMU below the emulated host of `--kvm`: Debian testing's, run from a folder with its own libraries. QEMU 7.2
// does not arm the debug registers of a machine that it enters (helper_vmrun()), so no breakpoint fires on its KVM.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../../util/errors.js';
import { debianHost, debianRoot, type HostContext } from '../debian.js';
import type { HostPlan } from '../host.js';

const PLAN: HostPlan = { suite: 'forky', node: '26', user: 'user' };
const BINARY = 'usr/bin/qemu-system-x86_64';

/** Makes the folder if there is none. @returns the start of a command line that runs its QEMU */
export async function newerQemu({ options, signal, say }: HostContext): Promise<string[]> {
  // It runs no scenarios, and `--fresh` means the measured host alone.
  const context = { options: { ...options, scenarios: [], readme: 'first', fresh: false }, signal, say } as const;
  const folder = await debianHost(PLAN, context);
  const root = await debianRoot(PLAN, context);
  if (!existsSync(join(root, BINARY))) {
    say(`${PLAN.suite}: QEMU`);
    const line = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-system-x86 seabios';
    const { code, stderr } = await folder.run(`export DEBIAN_FRONTEND=noninteractive; ${line}`, { as: 'root' });
    if (code !== 0) throw new LabError(`${PLAN.suite} gets no QEMU: ${line}`, { detail: stderr.slice(-4000) });
  }
  return qemuFrom(root);
}

/** A program of another release needs the loader and the libraries of that release. */
export function qemuFrom(root: string): string[] {
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  const firmware = ['usr/share/qemu', 'usr/share/seabios'].flatMap((folder) => ['-L', join(root, folder)]);
  const loader = [join(root, 'usr/lib64/ld-linux-x86-64.so.2'), '--library-path', libraries];
  return ['env', `QEMU_MODULE_DIR=${join(libraries, 'qemu')}`, ...loader, join(root, BINARY), ...firmware];
}
