// SPDX-License-Identifier: Apache-2.0
// Two runs side by side: what differs in the verdict and its evidence. Pure.
import type { Result } from '../../model/result/result.js';
import { printable } from '../../util/text/escape.js';
import { seconds } from './style.js';

export interface RunDifference {
  what: string;
  before: string;
  after: string;
}

export function diffRuns(before: Result, after: Result): RunDifference[] {
  const [a, b] = [factsOf(before), factsOf(after)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((what) => {
    const [was, now] = [a.get(what) ?? '-', b.get(what) ?? '-'];
    return was === now ? [] : [{ what, before: was, after: now }];
  });
}

/** The facts to compare, the most important first. Times are left out, because they always differ. */
function factsOf(result: Result): Map<string, string> {
  const facts = new Map<string, string>();
  const { memory } = result;
  facts.set('scenario', result.scenario.name);
  for (const [epoch, kernel] of result.kernels.entries()) {
    facts.set(`kernel ${epoch}`, kernel.name);
    facts.set(`build ${epoch}`, kernel.sha256.slice(0, 12));
    for (const { name, version } of kernel.components) facts.set(`component ${name} of kernel ${epoch}`, `v${version}`);
  }
  facts.set('outcome', result.outcome);
  facts.set('ends in', result.endsIn);
  facts.set('expected', result.expected);
  facts.set('cause', result.cause?.title ?? '-');
  facts.set('predicted', result.predicted?.outcome ?? '-');
  for (const [what, count] of Object.entries({
    preserved: memory.pagesPreserved,
    intact: memory.pagesIntact,
    leaked: memory.pagesLeaked,
    lost: memory.pagesLost,
    corrupt: memory.pagesCorrupt,
  }))
    facts.set(`pages ${what}`, String(count));
  for (const { component, wrote, reads, endsIn } of result.mismatches)
    facts.set(
      `mismatch ${component}`,
      [
        `written v${wrote ?? '?'}`,
        `read ${reads.map((version) => `v${version}`).join(', ') || 'nothing'}`,
        `ends in ${endsIn}`,
      ].join(', '),
    );
  for (const { name, epoch, state, problems } of result.resources)
    facts.set(`${name} in epoch ${epoch}`, [state, ...problems.slice(0, 2)].join(': '));
  for (const { name, epoch, carried, problems } of result.devices)
    facts.set(`device ${name} in epoch ${epoch}`, [carried ?? '-', ...problems.slice(0, 2)].join(': '));
  for (const { title, source } of result.incidents) facts.set(`${source}: ${title}`, 'seen');
  facts.set('accelerator', result.qemu.accel);
  facts.set('QEMU', result.qemu.version);
  facts.set('lab', result.versions.lab);
  return facts;
}

export function diffRunsText(before: Result, after: Result): string {
  const differences = diffRuns(before, after);
  const took = `took ${seconds(before.durations['total'] ?? 0)} and ${seconds(after.durations['total'] ?? 0)}`;
  if (differences.length === 0) return `the two runs have the same verdict and the same evidence; ${took}\n`;
  const parts = differences.map(
    ({ what, before: was, after: now }) =>
      `${printable(what, 200)}\n  - ${printable(was, 200)}\n  + ${printable(now, 200)}`,
  );
  return `${parts.join('\n')}\n\n${took}\n`;
}
