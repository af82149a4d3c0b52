// SPDX-License-Identifier: Apache-2.0
// A process of the lab that holds paths, for the tests: `+PATH` is to be removed at its end, `-PATH` is taken back.
// `xN` stands for N runs, each of which tracks two paths of its own and ends. Ends by being killed, or, with the word
// `exit`, on its own.
import { removeTemp, trackTemp, untrackTemp } from '../../../src/util/process/reaper.js';

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

process.stdout.write('held\n', () => {
  if (words.includes('exit')) process.exit(0);
});
if (!words.includes('exit')) setInterval(() => undefined, 1000);
