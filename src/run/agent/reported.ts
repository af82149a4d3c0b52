// SPDX-License-Identifier: Apache-2.0
// What a kernel reports about a file besides its content. The next kernel must report the same as the old one did
// before the kexec.
import type { Reported } from '../state/file.js';
import { numberOf, type AgentReply } from '../../guest/agent.js';
import { type Seal, sealsOf, withImplied } from '../../model/scenario/file-steps.js';
import type { MemfdSpec } from '../../model/scenario/scenario.js';
import type { Needs } from '../engine/parts.js';
import type { FileState } from '../state/file.js';

/** The seals of a memfd after `more` are added. */
export function sealsWith(
  seals: readonly string[],
  more: readonly Seal[],
  { executable }: { executable: boolean },
): string[] {
  return [...new Set([...seals, ...withImplied(more, { executable })])].sort();
}

/** What a kernel should report about a memfd that was created from this spec. */
export function askedOf(spec: MemfdSpec): Reported {
  const noexec = spec.flags?.includes('noexec') ?? false;
  return {
    size: spec.size,
    position: spec.position,
    seals: [...new Set(sealsOf({ noexec, seals: spec.seals }))].sort(),
    mode: null,
    access: null,
    blocks: null,
  };
}

/** What the kernel must report about a file now; null if it is no memfd. */
export function expectedOf({ spec, reported }: Pick<FileState, 'spec' | 'reported'>): Reported | null {
  return spec.kind === 'memfd' ? (reported ?? askedOf(spec)) : null;
}

export function reportOf(stat: AgentReply): Reported {
  const { seals, access } = stat.data;
  return {
    size: anyNumberOf(stat, 'size'),
    position: anyNumberOf(stat, 'pos'),
    mode: numberOf(stat, 'mode'),
    blocks: anyNumberOf(stat, 'blocks'),
    seals: Array.isArray(seals)
      ? seals
          .filter((seal) => typeof seal === 'string')
          .slice(0, 16)
          .sort()
      : [],
    access: typeof access === 'string' ? access.slice(0, 8) : null,
  };
}

/** A damaged kernel may report a size below zero, or one beyond what a number holds exactly. Both are differences. */
function anyNumberOf(reply: AgentReply, key: string): number {
  const value = reply.data[key];
  return typeof value === 'number' ? value : numberOf(reply, key);
}

const octal = (mode: number | null) => (mode === null ? 'none' : `0${mode.toString(8)}`);

/** The differences between two reports, as texts for people. */
export function differences(got: Reported, want: Reported): string[] {
  const problems: string[] = [];
  if (got.size !== want.size) problems.push(`size ${got.size}, was ${want.size}`);
  if (got.position !== want.position) problems.push(`position ${got.position}, was ${want.position}`);
  if (got.seals.join() !== want.seals.join())
    problems.push(`seals [${got.seals.join(' ')}], were [${want.seals.join(' ')}]`);
  if (want.mode !== null && got.mode !== want.mode) problems.push(`mode ${octal(got.mode)}, was ${octal(want.mode)}`);
  if (want.access !== null && got.access !== want.access) problems.push(`access ${got.access}, was ${want.access}`);
  if (want.blocks !== null && got.blocks !== want.blocks)
    problems.push(`${got.blocks} blocks of 512 bytes, were ${want.blocks}`);
  return problems;
}

/** Called right before a kexec: records what the old kernel reports about each preserved file. */
export async function takeReports(
  parts: Needs<'recorder' | 'state' | 'agents'>,
  files: readonly FileState[],
): Promise<void> {
  const { state } = parts;
  await Promise.all(
    files.map(async (file) => {
      // A closed file has no descriptor to ask, and its name may belong to another file by now.
      if (file.spec.kind !== 'memfd' || state.files.get(file.name) !== file) return;
      const stat = await parts.agents.holder({ kind: 'file', name: file.name }).call('stat', { file: file.name });
      if (stat.ok) takeReport(parts, file, file.spec, reportOf(stat));
    }),
  );
}

function takeReport({ recorder }: Needs<'recorder'>, file: FileState, spec: MemfdSpec, report: Reported): void {
  // A file from an earlier kernel was already compared with that kernel's report.
  const problems = file.reported === undefined ? differences(report, askedOf(spec)) : [];
  if (problems.length > 0) {
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: null,
      title: 'the old kernel says other of a file than what was asked for',
      detail: `${file.name}: ${problems.join('; ')}`,
    });
  }
  file.reported = report;
}
