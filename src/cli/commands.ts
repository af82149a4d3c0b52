// SPDX-License-Identifier: Apache-2.0
// All commands by name. The code of a command is loaded only if it is used.
import type { Command } from 'commander';

export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.js')).createCommand(),
  matrix: async () => (await import('./matrix/matrix.js')).createCommand(),
  selftests: async () => (await import('./matrix/selftests.js')).createCommand(),
  coverage: async () => (await import('./coverage/coverage.js')).createCommand(),
  worker: async () => (await import('./matrix/worker.js')).createCommand(),
  images: async () => (await import('./commands/images.js')).createCommand(),
  check: async () => (await import('./commands/check.js')).createCommand(),
  abi: async () => (await import('./commands/abi.js')).createCommand(),
  report: async () => (await import('./commands/report.js')).createCommand(),
  repro: async () => (await import('./commands/repro.js')).createCommand(),
  bundle: async () => (await import('./commands/bundle.js')).createCommand(),
  dump: async () => (await import('./commands/dump.js')).createCommand(),
  show: async () => (await import('./commands/show.js')).createCommand(),
  diff: async () => (await import('./commands/diff.js')).createCommand(),
  history: async () => (await import('./commands/history.js')).createCommand(),
  shell: async () => (await import('./commands/shell.js')).createCommand(),
  bisect: async () => (await import('./commands/bisect.js')).createCommand(),
  minimise: async () => (await import('./commands/minimise.js')).createCommand(),
  sweep: async () => (await import('./sweep/sweep.js')).createCommand(),
  fuzz: async () => (await import('./fuzz/fuzz.js')).createCommand(),
  try: async () => (await import('./try/try.js')).createCommand(),
  doctor: async () => (await import('./commands/doctor.js')).createCommand(),
};
