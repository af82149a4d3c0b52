// SPDX-License-Identifier: Apache-2.0
// `lab doctor`: lists what this host lacks, and shows what is known about its KVM.
import { Command } from 'commander';
import {
  ensureTools,
  hostTools,
  installLine,
  openWorkspace,
  type Purpose,
  type ToolState,
} from '../../images/index.js';
import { defaultCacheDir } from '../../images/cache/cache.js';
import { forgetAnswers } from '../../host/kvm/memory.js';
import { nestedKvm } from '../../host/kvm/nested.js';
import { kvmState } from '../../host/kvm/state.js';
import { hostSandbox, type Sandbox } from '../../sandbox/index.js';
import { runStages } from '../../report/live/progress.js';
import { EXIT_INFRA } from '../common/exit.js';
import { showOn } from '../common/show-progress.js';
import { interruptible } from '../common/interrupt.js';
import { SnapshotStore, snapshotsDir, snapshotSettings } from '../../snapshot/index.js';
import { acceleratorText } from '../text/accelerator.js';
import { printable } from '../../util/text/escape.js';
import { type SnapshotsState, snapshotsText } from '../text/snapshots.js';
import { table } from '../text/table.js';

const NEEDED_FOR: Readonly<Record<Purpose, string>> = {
  run: 'running machines',
  rootfs: 'the root file system',
  fetch: 'fetching kernel source',
  unpack: 'unpacking kernel source',
  build: 'building kernels',
  certificates: 'building kernels that check signatures',
  sign: 'signing kernels',
  distribution: 'building kernels with the configuration of a distribution',
  git: 'kernels from git',
  test: 'the tests of the lab itself',
};

/** Installed when something needs it: the tests, certain kernels, scenarios with signed kernels. */
const WHEN_USED: ReadonlySet<Purpose> = new Set<Purpose>(['test', 'certificates', 'distribution', 'sign']);

export function createCommand(): Command {
  return new Command('doctor')
    .description('lists what this host lacks, and whether machines can run on KVM')
    .option('--fix', 'install it (as root on Debian)')
    .option('--forget', 'forget whether KVM and breakpoints on it work, so that the next run tries them')
    .option('--forget-snapshots', 'remove all saved machines that no run uses')
    .option('--json', 'print as JSON')
    .action(async (options: { fix?: boolean; forget?: boolean; forgetSnapshots?: boolean; json?: boolean }) => {
      if (options.forget) forgetAnswers(defaultCacheDir());
      if (options.fix) await fix();
      const tools = hostTools();
      const wanted = ({ purposes }: ToolState) => purposes.some((one) => !WHEN_USED.has(one));
      const absent = tools.filter((tool) => tool.path === null && wanted(tool));
      const missing = absent.filter((tool) => !tool.optional);
      const sandbox = await hostSandbox();
      const packages = [...new Set(absent.map((tool) => tool.package))].sort();
      const line = packages.length === 0 ? null : installLine(packages, process.getuid?.() === 0 ? 'root' : 'sudo');
      const accelerator = { ...(await kvmState(defaultCacheDir())), nested: nestedKvm() };
      const snapshots = await snapshotsState(options.forgetSnapshots ? 'forget' : 'keep');
      if (options.json) {
        const facts = { complete: missing.length === 0, install: line, tools, accelerator, snapshots, sandbox };
        process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
      } else {
        const parts = [text(tools, line), `${acceleratorText(accelerator)}\n`, `${snapshotsText(snapshots)}\n`];
        process.stdout.write(`${[...parts, sandboxText(sandbox)].join('\n')}`);
      }
      process.exitCode = missing.length === 0 ? 0 : EXIT_INFRA;
    });
}

async function snapshotsState(what: 'keep' | 'forget'): Promise<SnapshotsState> {
  const { enabled, maxBytes } = snapshotSettings();
  const store = new SnapshotStore(snapshotsDir(defaultCacheDir()), maxBytes);
  const removed = what === 'forget' ? await store.clear() : null;
  const ladders = await store.list();
  return {
    enabled,
    count: ladders.length,
    bytes: ladders.reduce((sum, { bytes }) => sum + bytes, 0),
    maxBytes,
    stuck: ladders.flatMap(({ stuck }) => stuck ?? []),
    removed,
  };
}

function text(tools: readonly ToolState[], install: string | null): string {
  const rows = tools.map((tool) => [
    tool.name,
    tool.path ?? (tool.optional ? 'missing (optional)' : 'missing'),
    tool.package,
    tool.purposes.map((purpose) => NEEDED_FOR[purpose]).join(', '),
  ]);
  const verdict =
    install === null ? 'nothing is missing\n' : `to install what is missing: lab doctor --fix, or\n  ${install}\n`;
  return `${table(['TOOL', 'WHERE', 'PACKAGE', 'FOR'], rows)}\n${verdict}`;
}

const WITH: Readonly<Record<Sandbox['kind'], string>> = {
  bwrap: 'bubblewrap: namespaces of its own, only its files, no rights, a filter of system calls',
  setpriv: 'setpriv: no rights, but no namespaces',
  none: 'nothing',
};

function sandboxText({ kind, user, why }: Sandbox): string {
  const as = user === 'own' ? 'a user of its own' : "the lab's user";
  return `QEMU is confined by ${WITH[kind]}; it runs as ${as}${why === null ? '' : ` (${printable(why)})`}\n`;
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
