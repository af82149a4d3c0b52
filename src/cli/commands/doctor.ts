// SPDX-License-Identifier: Apache-2.0
// `lab doctor`: lists what this host lacks.
import { Command } from 'commander';
import {
  ensureTools,
  hostTools,
  installLine,
  openWorkspace,
  type Purpose,
  type ToolState,
} from '../../images/index.js';
import { runStages } from '../../report/live/progress.js';
import { EXIT_INFRA } from '../common/exit.js';
import { showOn } from '../common/show-progress.js';
import { interruptible } from '../common/interrupt.js';
import { table } from '../text/table.js';

const NEEDED_FOR: Readonly<Record<Purpose, string>> = {
  run: 'running machines',
  rootfs: 'the root file system',
  fetch: 'fetching kernel source',
  unpack: 'unpacking kernel source',
  build: 'building kernels',
  git: 'kernels from git',
  test: 'the tests of the lab itself',
};

export function createCommand(): Command {
  return new Command('doctor')
    .description('lists what this host lacks')
    .option('--fix', 'install it (as root on Debian)')
    .option('--json', 'print as JSON')
    .action(async (options: { fix?: boolean; json?: boolean }) => {
      if (options.fix) await fix();
      const tools = hostTools();
      // The tests install what only they use.
      const missing = tools.filter((tool) => tool.path === null && tool.purposes.some((purpose) => purpose !== 'test'));
      const packages = [...new Set(missing.map((tool) => tool.package))].sort();
      const line = packages.length === 0 ? null : installLine(packages, process.getuid?.() === 0 ? 'root' : 'sudo');
      if (options.json)
        process.stdout.write(`${JSON.stringify({ complete: missing.length === 0, install: line, tools }, null, 2)}\n`);
      else process.stdout.write(text(tools, line));
      process.exitCode = missing.length === 0 ? 0 : EXIT_INFRA;
    });
}

function text(tools: readonly ToolState[], install: string | null): string {
  const rows = tools.map((tool) => [
    tool.name,
    tool.path ?? 'missing',
    tool.package,
    tool.purposes.map((purpose) => NEEDED_FOR[purpose]).join(', '),
  ]);
  const verdict =
    install === null ? 'nothing is missing\n' : `to install what is missing: lab doctor --fix, or\n  ${install}\n`;
  return `${table(['TOOL', 'WHERE', 'PACKAGE', 'FOR'], rows)}\n${verdict}`;
}

async function fix(): Promise<void> {
  await interruptible((signal) =>
    runStages(
      [
        {
          title: 'host packages',
          run: (task) =>
            ensureTools(
              (Object.keys(NEEDED_FOR) as Purpose[]).filter((purpose) => purpose !== 'test'),
              openWorkspace({ signal, onProgress: showOn(task) }),
            ),
        },
      ],
      process.stderr,
    ),
  );
}
