// SPDX-License-Identifier: Apache-2.0
// Whether this host lets the lab resume machines at all: better known before anything is saved.
import { readFileSync } from 'node:fs';
import type { SandboxKind } from '../../model/result/result.js';
import { hostSandbox } from '../../sandbox/index.js';

/** Documentation/admin-guide/LSM/Yama.rst. */
const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
const ADMIN_ONLY = 2;
const NOBODY = 3;

export interface ResumeHost {
  sandbox: Pick<SandboxKind, 'kind' | 'user'>;
  root: boolean;
  /** Yama's setting; 0 if the host has no Yama. */
  ptraceScope: number;
}

/** Why this host cannot resume machines; null if it can. */
export function hostProblem({ sandbox, root, ptraceScope }: ResumeHost): string | null {
  if (sandbox.kind === 'setpriv' && sandbox.user === 'own')
    return 'without bubblewrap, QEMU as a user of its own cannot reach the closed folder of the snapshots';
  if (ptraceScope >= NOBODY || (ptraceScope === ADMIN_ONLY && !root))
    return `the lab may not read QEMU's memory: ${SCOPE} is ${ptraceScope}`;
  return null;
}

export async function resumeHost(): Promise<ResumeHost> {
  return { sandbox: await hostSandbox(), root: process.getuid?.() === 0, ptraceScope: ptraceScope() };
}

function ptraceScope(): number {
  try {
    return Number(readFileSync(SCOPE, 'utf8')) || 0;
  } catch {
    return 0;
  }
}
