// SPDX-License-Identifier: Apache-2.0
// What data may use: harmless QEMU options, plain files beside it, kernels that the lab defines, a part of the host.
import type { HostRule, HostUse, Refusal } from '../model/scenario/host-use.js';
import { bytesText } from '../util/bytes.js';
import { printable } from '../util/text/escape.js';
import { qemuRefusal } from './qemu-args.js';

/** What the rule needs to know of this lab and its host. */
export interface LabFacts {
  /** The folder in which the input's files must lie; null if it may use none. */
  folder: string | null;
  /** Why the lab defines no kernel of this name; null if it does. Reads no file that the name could mean. */
  kernelProblem: (name: string) => string | null;
  /** Why this is no plain file of bounded size inside the folder; null if it is one. */
  fileProblem: (path: string) => string | null;
  /** Why a plan may not use this path; null if it may. */
  planPathProblem: (path: string, access: 'read' | 'write') => string | null;
  /** Bytes of RAM, and processors, that a machine of this input may have. */
  memory: number;
  cpus: number;
}

/** A plain name: it cannot be taken for a path or for a file. */
export const isPlainName = (name: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/.test(name) && !/\.ya?ml$/.test(name);

const shown = (text: string): string => `"${printable(text, 200)}"`;
const trust = (allows: string): string => `--trust, if you know who made it, lets it use ${allows}`;

/** Decides on one use of the host by data: null allows it. */
export function checkUntrusted(use: HostUse, lab: LabFacts): Refusal | null {
  switch (use.kind) {
    case 'qemu-args':
      return qemuRefusal(use.args, lab.cpus);
    case 'file':
      return refused(lab.fileProblem(use.path), `the file ${shown(use.path)} of this host`, 'files of this host');
    case 'plan-path':
      return refused(
        lab.planPathProblem(use.path, use.access),
        `${shown(use.path)} of this host`,
        'files of this host',
      );
    case 'git-tree':
      return refused(
        'only names of kernels that the lab defines (lab images list)',
        `the git tree ${shown(use.path)} of this host`,
        'trees of this host, and build what is in them',
      );
    case 'kernel':
      return kernelRefusal(use.name, lab.kernelProblem(use.name));
    case 'memory':
      return refused(
        use.bytes > lab.memory ? `this host has ${bytesText(lab.memory)} for one machine` : null,
        `${bytesText(use.bytes)} of memory`,
        'more memory',
      );
    case 'cpus':
      return refused(
        use.count > lab.cpus ? `one machine gets at most ${lab.cpus} here` : null,
        `${use.count} processors`,
        'more processors',
      );
  }
}

function refused(why: string | null, what: string, allows: string): Refusal | null {
  return why === null ? null : { message: `this is not trusted and would use ${what}: ${why}`, hint: trust(allows) };
}

function kernelRefusal(name: string, problem: string | null): Refusal | null {
  // A wrong name is a mistake, not an attack: it gets the message with the nearest name.
  if (problem === null || isPlainName(name)) return problem === null ? null : { message: problem, hint: null };
  return refused(
    'only names of kernels that the lab defines (lab images list)',
    `the kernel ${shown(name)}`,
    'a kernel at any path, and build what a kernel definition says',
  );
}

/** The rule for one input that is data. */
export function dataRule(lab: LabFacts): HostRule {
  return { refusal: (use) => checkUntrusted(use, lab), folder: lab.folder };
}
