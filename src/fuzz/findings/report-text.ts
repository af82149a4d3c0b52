// SPDX-License-Identifier: Apache-2.0
// The draft of a bug report. A person sends it, or does not.
import type { Result } from '../../model/result/result.js';
import { printable } from '../../util/text/escape.js';
import type { Finding } from './store.js';

const MAX_DETAIL = 4000;

export interface ReportData {
  scenario: string;
  result: Result;
  /** Of a run. */
  folder: string;
  /** Where the kernel failed; null if that is not known. */
  where: string | null;
}

export function reportText(finding: Finding, { scenario, result, folder, where }: ReportData): string {
  const { cause, kernels } = result;
  const detail = (cause?.detail ?? '').slice(0, MAX_DETAIL).split('\n');
  return [
    `Subject: ${printable(finding.title, 200)}`,
    '',
    `A live update ends in ${finding.outcome}: ${printable(finding.title, 500)}`,
    '',
    `Kernels: ${kernels.map(({ name, release }) => `${name} (${release ?? 'did not boot'})`).join(' -> ')}`,
    `Reproduced: ${finding.seen} of ${finding.runs} boots`,
    `From a kernel to itself: ${
      Object.entries(finding.others)
        .map(([name, how]) => `${name}: ${how}`)
        .join(', ') || 'not tried'
    }`,
    `Where: ${where === null ? 'the console shows no stack' : printable(where, 600)}`,
    `Full console and all evidence: ${folder}`,
    '',
    'What the kernel reported:',
    ...detail.map((each) => `    ${printable(each, 300)}`),
    '',
    finding.generator === 'bytes'
      ? 'Steps (the handover is changed in memory between both kernels):'
      : 'Steps (plain calls of /dev/liveupdate):',
    ...scenario.split('\n').map((each) => `    ${printable(each, 300)}`),
    '',
  ].join('\n');
}
