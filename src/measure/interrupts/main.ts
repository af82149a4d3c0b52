// SPDX-License-Identifier: Apache-2.0
// `npm run interrupts`: interrupts every command of the table at its moments, in five ways, and prints how each ended.
// `--only PATTERN`: only cases whose name matches, such as `^run, .*SIGINT$`. Exits with 0 only if every command ended
// in time with the right status, said what it keeps, and left nothing.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { messageOf } from '../../util/errors.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { FixtureMaker } from './fixtures.js';
import { interrupt } from './interrupt.js';
import { type Moment, SUBJECTS, type Subject, type Way, WAYS } from './table.js';

interface Case {
  name: string;
  subject: Subject;
  moment: Moment;
  way: Way;
}

const { only } = new Command('interrupts')
  .description('interrupts commands at every moment of a table, and measures how fast they end')
  .option('--only <pattern>', 'only cases whose name matches, such as "^run, .*SIGINT$"', '')
  .parse()
  .opts<{ only: string }>();
const pattern = new RegExp(only);

const cases = SUBJECTS.flatMap((subject) =>
  subject.moments.flatMap((moment) =>
    WAYS.map((way): Case => ({ name: `${subject.name}, ${moment.name}, ${way.name}`, subject, moment, way })),
  ),
).filter(({ name }) => pattern.test(name));

const dir = makeTemp(join(tmpdir(), 'lab-interrupts-'));
const maker = new FixtureMaker(dir);
const shares: number[] = [];
const times: number[] = [];
let bad = 0;
process.stdout.write('| command, moment, signal | ended after | what it said |\n|---|---|---|\n');
for (const { name, subject, moment, way } of cases) {
  try {
    const { ms, limit, end, said, problems } = await interrupt(subject, moment, way, maker);
    times.push(ms);
    shares.push(ms / limit);
    if (problems.length > 0) bad++;
    const text = [said.slice(0, 160), ...problems.map((problem) => `WRONG: ${problem}`)].filter(Boolean).join('; ');
    const status = end.code ?? end.signal;
    process.stdout.write(`| ${name} | ${Math.round(ms)} ms of ${Math.round(limit)}, ${status} | ${text} |\n`);
  } catch (error) {
    bad++;
    process.stdout.write(`| ${name} | - | WRONG: ${messageOf(error)} |\n`);
  }
}
await maker.close();
removeTemp(dir);
const sorted = times.sort((a, b) => a - b);
process.stdout.write(
  `\n${cases.length} interrupts: median ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, ` +
    `worst ${Math.round(sorted.at(-1) ?? 0)} ms, at most ${Math.round(Math.max(0, ...shares) * 100)} % of the limit; ` +
    `${bad} not as they should be\n`,
);
process.exit(bad === 0 && cases.length > 0 ? 0 : 1);
