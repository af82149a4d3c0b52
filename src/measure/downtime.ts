// SPDX-License-Identifier: Apache-2.0
// `npm run downtime`: measures how the downtime grows with the number and the size of guests: the table of
// docs/downtime.md.
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

/** Phases that depend on the next kernel and the machine, not on the lab and its agent. */
const NOT_OURS = ['jump', 'boot'];

function ownShare({ phases, ms }: DowntimeOfResult): string {
  const own = phases.filter(({ phase }) => !NOT_OURS.includes(phase)).reduce((sum, each) => sum + each.ms, 0);
  return `${((100 * own) / ms).toFixed(0)} %`;
}

process.stdout.write(
  `Load ${(loadavg()[0] ?? 0).toFixed(1)}.\n\n` +
    '| guests | whole run; downtime | without jump and boot |\n|---|---|---|\n',
);
for (const { count, size } of CASES) {
  const file = join(folder, `${count}-of-${size}.yaml`);
  writeFileSync(
    file,
    'from: 7.3.4\nto: 7.3.4\nmachine: {memory: 2GiB}\nsessions:\n  - name: host\n    guests:\n' +
      `      - {name: "vm-{i}", size: ${size}, count: ${count}}\n`,
  );
  const { ms, result } = await run(file);
  const [downtime] = result.downtime;
  if (downtime === undefined) throw new Error(`${file}: no downtime was measured`);
  const figures = [
    `${(downtime.ms / 1000).toFixed(2)} s`,
    `${downtime.perGuest.toFixed(0)} ms a guest`,
    `${downtime.perMib.toFixed(1)} ms a MiB`,
  ].join(', ');
  process.stdout.write(`| ${count} x ${size} | ${(ms / 1000).toFixed(1)} s; ${figures} | ${ownShare(downtime)} |\n`);
}
process.exit(0);
