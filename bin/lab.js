#!/usr/bin/env -S node --max-semi-space-size=2
// SPDX-License-Identifier: Apache-2.0
// Starts the lab. `npx lab` and npm scripts find the project's own Node first. An older Node that runs this file starts
// the lab in the project's own. A small young generation (the option above) halves the lab's memory, and costs no time.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findNode, isNewEnough, tooOld } from './node.js';

const main = new URL('../dist/lab.js', import.meta.url);
if (isNewEnough()) {
  if (!existsSync(main)) fail('not built yet; run `npm ci` (or `npm run build`) in the folder of the project\n');
  await import(main.href);
} else {
  const node = findNode();
  // Started by this file already, and still too old: no third try.
  if (node === null || process.env.LAB_STARTED_AGAIN) fail(tooOld());
  startAgain(node);
}

/** Runs this file in another Node, which dies with this process, and ends as it ends. */
function startAgain(node) {
  const command = [node, '--max-semi-space-size=2', fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    stdio: 'inherit',
    env: { ...process.env, LAB_STARTED_AGAIN: '1' },
  });
  // A signal to the whole process group reaches the lab twice: the lab knows that (src/cli/common/interrupt.ts).
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${tooOld().trimEnd()} (${node} could not be started: ${error.message})\n`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

function fail(text) {
  process.stderr.write(`lab: ${text}`);
  process.exit(2);
}
