// SPDX-License-Identifier: Apache-2.0
// All commands by name. A command's code is loaded only when it is called.
import type { Command } from 'commander';

export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.js')).runCommand(),
  matrix: async () => (await import('./matrix/matrix.js')).matrixCommand(),
  worker: async () => (await import('./matrix/worker.js')).workerCommand(),
  images: async () => (await import('./commands/images.js')).imagesCommand(),
  check: async () => (await import('./commands/check.js')).checkCommand(),
  abi: async () => (await import('./commands/abi.js')).abiCommand(),
  report: async () => (await import('./commands/report.js')).reportCommand(),
  repro: async () => (await import('./commands/repro.js')).reproCommand(),
  bundle: async () => (await import('./commands/bundle.js')).bundleCommand(),
  dump: async () => (await import('./commands/dump.js')).dumpCommand(),
  show: async () => (await import('./commands/show.js')).showCommand(),
  diff: async () => (await import('./commands/diff.js')).diffCommand(),
  history: async () => (await import('./commands/history.js')).historyCommand(),
  shell: async () => (await import('./commands/shell.js')).shellCommand(),
  bisect: async () => (await import('./commands/bisect.js')).bisectCommand(),
  minimise: async () => (await import('./commands/minimise.js')).minimiseCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
};
