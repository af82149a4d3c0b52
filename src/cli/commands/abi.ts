// SPDX-License-Identifier: Apache-2.0
// `lab abi`: the handover format of a kernel as data, and the check for a layout that changes while its version stays.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { type AbiDiff, coveringVersion, diffAbi, type StructureChange, unknownToLab } from '../../compat/index.js';
import { type ImageContext, isSourceTree, resolveKernel } from '../../images/index.js';
import type { Field, KernelAbi } from '../../model/kernel/abi.js';
import { inStage } from '../../report/live/progress.js';
import { kernelAbi } from '../../images/abi/kernel-abi.js';
import { printable } from '../../util/text/escape.js';
import { UsageError } from '../../util/errors.js';
import { EXIT_INFRA } from '../common/exit.js';
import { showOn } from '../common/show-progress.js';
import { withContext } from '../common/interrupt.js';
import { table } from '../text/table.js';

interface AbiOptions {
  json?: boolean;
  patch?: string[];
}

export function createCommand(): Command {
  const command = new Command('abi').description(
    'the handover format of a kernel: components, versions, layouts of structures',
  );
  command
    .command('show')
    .description('prints which versions a kernel speaks, and how everything that crosses the kexec is laid out')
    .argument('<kernel>', 'a kernel by name or path, or a source tree')
    .option('--patch <file...>', 'show the kernel with these patches; your tree is not changed')
    .option('--json', 'print as JSON')
    .action((name: string, options: AbiOptions) =>
      withContext(async (context) => {
        checkArguments([name], options.patch ?? []);
        const abi = await read(name, options.patch ?? [], name, context);
        process.stdout.write(
          options.json ? `${JSON.stringify({ ...abi, unknown: unknownOf(abi) }, null, 2)}\n` : showText(abi),
        );
      }),
    );
  command
    .command('diff')
    .description(
      'prints what changed between two kernels. Exit status: 1 if a layout changed and its version did not, ' +
        '3 if that cannot be known',
    )
    .argument('<from>', 'a kernel by name or path, or a source tree')
    .argument('[to]', 'another kernel; without it, the same one with the patches')
    .option('--patch <file...>', 'apply these patches to the second kernel')
    .option('--json', 'print as JSON')
    .action((from: string, to: string | undefined, options: AbiOptions) =>
      withContext(async (context) => {
        const patches = options.patch ?? [];
        if (to === undefined && patches.length === 0)
          throw new UsageError('nothing to compare with: name a second kernel, or give patches with --patch');
        checkArguments(to === undefined ? [from] : [from, to], patches);
        const before = await read(from, [], from, context);
        const label =
          patches.length > 0
            ? `${to ?? from} with ${patches.length === 1 ? (patches[0] ?? '') : `${patches.length} patches`}`
            : (to ?? from);
        const after = await read(to ?? from, patches, label, context);
        const diff = diffAbi(before, { ...after, name: label });
        process.stdout.write(options.json ? `${JSON.stringify(diff, null, 2)}\n` : diffText(diff));
        process.exitCode = diff.ok === null ? EXIT_INFRA : diff.ok ? 0 : 1;
      }),
    );
  return command;
}

/** Checks all arguments before anything is fetched. */
function checkArguments(kernels: readonly string[], patches: readonly string[]): void {
  for (const name of kernels) if (!isSourceTree(name)) resolveKernel(name);
  for (const patch of patches) if (!existsSync(patch)) throw new UsageError(`there is no file ${patch}`);
}

async function read(
  name: string,
  patches: readonly string[],
  label: string,
  context: ImageContext,
): Promise<KernelAbi> {
  return inStage(
    `handover format of ${label}`,
    (task) => kernelAbi(name, patches, { ...context, onProgress: showOn(task) }),
    process.stderr,
  );
}

const SOURCE_TEXTS = {
  section: 'its own list of versions',
  image: 'a string in its image',
  source: 'its source',
} as const;

const NO_VERSION = 'no version covers it';

function showText(abi: KernelAbi): string {
  const lines = [`${abi.name}${abi.release === null ? '' : `, release ${abi.release}`}\n`];
  if (abi.components.length > 0)
    lines.push(
      '\n',
      table(
        ['COMPONENT', 'VERSION', 'READ FROM'],
        abi.components.map(({ name, version, from }) => [name, String(version), SOURCE_TEXTS[from]]),
      ),
    );
  else lines.push('\nThis kernel has no known component of the handover.\n');
  for (const structure of abi.structures ?? []) {
    const { kind, name, size, file } = structure;
    const version = coveringVersion(name, abi.components) ?? NO_VERSION;
    const head = [`${kind} ${name}`, `${size} bytes`, version, ...(file === null ? [] : [file])].join(', ');
    lines.push(`\n${printable(head)}\n`);
    lines.push(table(['  AT', 'SIZE', 'TYPE', 'FIELD'], structure.fields.map(fieldRow)));
  }
  return lines.concat(unknownText(unknownOf(abi)), notesText(abi.notes)).join('');
}

function unknownOf({ components, structures }: KernelAbi): string[] {
  return unknownToLab({ components: components.map(({ name }) => name), structures });
}

function unknownText(unknown: readonly string[]): string {
  return unknown.length === 0
    ? ''
    : `\nunknown to the lab:\n${unknown.map((each) => `  ${printable(each)}\n`).join('')}`;
}

function fieldRow({ offset, size, type, name, bits }: Field): string[] {
  const depth = '  '.repeat(name.split('.').length - 1);
  return bits === null
    ? [`  ${offset}`, String(size), type, depth + name]
    : [`  ${Math.floor(bits.offset / 8)}.${bits.offset % 8}`, `${bits.size} bits`, type, depth + name];
}

function notesText(notes: readonly string[]): string {
  return notes.length === 0 ? '' : `\n${notes.map((note) => `note: ${printable(note)}\n`).join('')}`;
}

export function diffText(diff: AbiDiff): string {
  const versions = (list: readonly number[]): string => list.join(', ') || '-';
  const lines = [`${printable(diff.from)} -> ${printable(diff.to)}\n`];
  if (diff.components.length > 0)
    lines.push(
      '\n',
      table(
        ['COMPONENT', 'FROM', 'TO'],
        diff.components.map(({ component, from, to }) => [component, versions(from), versions(to)]),
      ),
    );
  for (const change of diff.structures) lines.push(changeText(change));
  lines.push(notesText(diff.notes), `\n${verdict(diff)}\n`);
  return lines.join('');
}

function changeText({ structure, change, details, covered, unannounced }: StructureChange): string {
  const { from, to } = covered;
  const version =
    from === to ? (from === null ? NO_VERSION : `${from} in both`) : `${from ?? 'no version'} -> ${to ?? 'no version'}`;
  const mark = unannounced
    ? 'LAYOUT CHANGED, VERSION DID NOT'
    : {
        changed: 'layout changed with its version',
        names: 'names only',
        renamed: 'renamed',
        replaced: 'replaced',
        gone: 'gone',
        new: 'new',
      }[change];
  return (
    printable(`${structure}: ${mark} (${version})`).replace(/^/, '\n') +
    details.map((detail) => `\n    ${printable(detail)}`).join('') +
    '\n'
  );
}

function verdict(diff: AbiDiff): string {
  const bad = diff.structures.filter(({ unannounced }) => unannounced);
  if (bad.length > 0)
    return (
      `${bad.length === 1 ? 'One layout' : `${bad.length} layouts`} changed while the version did not: ` +
      "each of the two kernels will read the other's bytes as its own format."
    );
  if (diff.ok === null) return 'Some layouts are not known, so they cannot be compared.';
  if (diff.components.length === 0 && diff.structures.length === 0) return 'Nothing changed.';
  return 'No layout changed without its version.';
}
