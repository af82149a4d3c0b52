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
  /** Names of the kernels that the lab defines. */
  kernels: () => readonly string[];
  /** Why this is no plain file of bounded size inside the folder; null if it is one. */
  fileProblem: (path: string) => string | null;
  /** Why a plan may not read this path; null if it may. */
  planPathProblem: (path: string) => string | null;
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
      return refused(lab.planPathProblem(use.path), `${shown(use.path)} of this host`, 'files of this host');
    case 'kernel':
      return refused(
        lab.kernels().includes(use.name) ? null : 'it is no kernel that the lab defines (lab images list)',
        `the kernel ${shown(use.name)}`,
        'kernels at any path, and build kernel definitions',
      );
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

/** The rule for one input that is data. */
export function dataRule(lab: LabFacts): HostRule {
  return { refusal: (use) => checkUntrusted(use, lab), folder: lab.folder };
}
