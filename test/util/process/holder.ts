// SPDX-License-Identifier: Apache-2.0
// A process of the lab that holds paths, for the tests: `+PATH` is to be removed at its end, `-PATH` is taken back.
// `group` starts a process that starts another, both to be killed at its end. It prints their process ids.
// `xN` stands for N runs, each of which tracks two paths of its own and ends. Ends by being killed, or, with the word
// `exit`, on its own.
import { startChild } from '../../../src/util/process/child.js';
import { killWithLab, removeTemp, trackTemp, untrackTemp } from '../../../src/util/process/reaper.js';

const words = process.argv.slice(2);
for (const word of words) {
  if (word.startsWith('+')) trackTemp(word.slice(1));
  if (word.startsWith('-')) untrackTemp(word.slice(1));
  if (word.startsWith('x')) for (let run = 0; run < Number(word.slice(1)); run++) oneRun(run);
}

function oneRun(run: number): void {
  const [folder, machine] = [`/tmp/no-such-folder/.partial-of-run-${run}`, `/tmp/no-such-folder/machine-${run}`];
  trackTemp(folder);
  trackTemp(machine);
  untrackTemp(folder);
  removeTemp(machine);
}

if (words.includes('group')) {
  const group = startChild(['/bin/sh', '-c', 'sleep 600 & echo "group $$ $!"; wait'], {
    stdio: ['ignore', 'inherit', 'ignore'],
    tie: 'none',
  });
  group.ended.catch(() => undefined);
  killWithLab(group);
}

process.stdout.write('held\n', () => {
  if (words.includes('exit')) process.exit(0);
});
if (!words.includes('exit')) setInterval(() => undefined, 1000);
