// SPDX-License-Identifier: Apache-2.0
// `npm run downtime`: how the downtime grows with the number and the size of guests, the table of docs/downtime.md.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { DowntimeOfResult } from '../model/result/guest-result.js';
import { folder, run } from './run.js';

const CASES = [
  { count: 1, size: '4MiB' },
  { count: 8, size: '4MiB' },
  { count: 64, size: '4MiB' },
  { count: 1, size: '16MiB' },
  { count: 1, size: '64MiB' },
  { count: 1, size: '256MiB' },
  { count: 1, size: '512MiB' },
];

/** Phases that the next kernel and the machine decide, not the lab and its agent. */
const NOT_OURS = ['jump', 'boot'];

function ours({ phases, ms }: DowntimeOfResult): string {
  return `${((100 * phases.filter(({ phase }) => !NOT_OURS.includes(phase)).reduce((sum, each) => sum + each.ms, 0)) / ms).toFixed(0)} %`;
}

process.stdout.write(
  `Load ${(loadavg()[0] ?? 0).toFixed(1)}.\n\n| guests | whole run; downtime | without jump and boot |\n` +
    '|---|---|---|\n',
);
for (const { count, size } of CASES) {
  const file = join(folder, `${count}-of-${size}.yaml`);
  writeFileSync(
    file,
    'from: 7.3.4\nto: 7.3.4\nmachine: {memory: 2GiB}\nsessions:\n  - name: host\n    guests:\n' +
      `      - {name: "vm-{i}", size: ${size}, count: ${count}}\n`,
  );
  const { ms, result } = await run(file);
  const [still] = result.downtime;
  if (still === undefined) throw new Error(`${file}: no downtime was measured`);
  const downtime =
    `${(still.ms / 1000).toFixed(2)} s, ${still.perGuest.toFixed(0)} ms a guest, ` +
    `${still.perMib.toFixed(1)} ms a MiB`;
  process.stdout.write(`| ${count} x ${size} | ${(ms / 1000).toFixed(1)} s; ${downtime} | ${ours(still)} |\n`);
}
process.exit(0);
