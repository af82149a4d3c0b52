// SPDX-License-Identifier: Apache-2.0
// All commands by name. A command's code is loaded only when it is called.
import type { Command } from 'commander';

export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).runCommand(),
  matrix: async () => (await import('./matrix.js')).matrixCommand(),
  worker: async () => (await import('./worker.js')).workerCommand(),
  images: async () => (await import('./images.js')).imagesCommand(),
  check: async () => (await import('./check.js')).checkCommand(),
  abi: async () => (await import('./abi.js')).abiCommand(),
  report: async () => (await import('./report.js')).reportCommand(),
  repro: async () => (await import('./repro.js')).reproCommand(),
  bundle: async () => (await import('./bundle.js')).bundleCommand(),
  dump: async () => (await import('./dump.js')).dumpCommand(),
  show: async () => (await import('./show.js')).showCommand(),
  diff: async () => (await import('./diff.js')).diffCommand(),
  history: async () => (await import('./history.js')).historyCommand(),
  shell: async () => (await import('./shell.js')).shellCommand(),
  bisect: async () => (await import('./bisect.js')).bisectCommand(),
  minimise: async () => (await import('./minimise.js')).minimiseCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
};
