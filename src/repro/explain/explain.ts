// SPDX-License-Identifier: Apache-2.0
// Explains a failed update: what was written and where, what the next kernel reads, which check failed, and on which
// structure.
import { diffAbi, type StructureChange } from '../../compat/index.js';
import { HandoverError, structureAt } from '../../handover/index.js';
import type { ImageContext } from '../../images/index.js';
import type { Structure } from '../../model/kernel/abi.js';
import type { Explanation } from '../../model/result/explanation.js';
import type { HandoverDump } from '../../model/result/handover-dump.js';
import type { Incident } from '../../model/result/incident.js';
import type { KernelOfResult, Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { LabError, messageOf } from '../../util/errors.js';
import { type Writer, writersOf } from '../dump.js';
import { failureOf } from '../rerun/failure.js';
import { type CheckRow, checkFor, FIRST_OF } from './checks.js';
import { handoverOf, type KeptHandover } from './kept-handover.js';
import { type FoundPlace, placeAbout } from './place.js';
import { processorsOf } from './processors.js';
import { checkOf } from './source.js';
import { traceOf } from './trace.js';

export interface ExplainInput {
  result: Result;
  scenario: Scenario;
  /** The user can type this to name the run or its bundle. */
  name: string;
  /** Folder of the run. */
  folder: string;
  /** Whether this lab may look up a kernel by the name that the run gives it. */
  mayResolveKernel: (kernel: string) => boolean;
  /** Build missing symbols, which takes minutes. */
  buildSymbols: boolean;
}

export async function explain(input: ExplainInput, context: ImageContext): Promise<Explanation> {
  const { result } = input;
  const notes: string[] = [];
  const failure = failureOf(result);
  // The kernel that ran at that moment refused. In the first kernel (epoch 0) there was no handover yet.
  const epoch = Math.min(Math.max(1, result.cause?.epoch ?? 1), result.kernels.length - 1);
  const [from, to] = [result.kernels[epoch - 1] ?? result.from, result.kernels[epoch] ?? result.to];
  const writers = await knownWriters(
    [from.name, ...result.kernels.map(({ name }) => name)].filter(input.mayResolveKernel),
    notes,
    context,
  );
  const kept = handoverOf(input, epoch, from, writers, notes);
  const layouts = layoutsOf(from, to, writers);
  const hit = checkFor(result.incidents.filter(({ source }) => source === 'console'));
  const place = placeOfFailure(input.scenario, hit, layouts, kept?.dump ?? null);
  return {
    ...failure,
    wrote: { kernel: from.name, versions: versionsOf(from), where: kept === null ? [] : whereOf(kept.dump) },
    faults: result.timeline
      .filter(({ what }) => what.startsWith('fault '))
      .map(({ what }) => what.slice('fault '.length)),
    expected: {
      kernel: to.name,
      versions: versionsOf(to),
      mismatches: result.mismatches.map(mismatchText),
      layouts: layouts.map(layoutText),
    },
    said: result.incidents.map(({ t, epoch: at, title, detail }) => ({ t, epoch: at, text: firstLine(title, detail) })),
    processors: processorsOf(result.incidents),
    check: hit === null ? null : await checkOf(hit.row, to, input.mayResolveKernel, notes, context),
    trace: await traceOf(input, to, notes, context),
    structure:
      place === null || kept === null
        ? null
        : structureOf(
            place,
            kept,
            layouts.length > 0 ? writers.find(({ name }) => name === to.name)?.structures : undefined,
            notes,
          ),
    notes,
  };
}

function mismatchText({ component, wrote, reads, endsIn }: Result['mismatches'][number]): string {
  const written = wrote === null ? 'in a version that is not known' : `v${wrote}`;
  const read = reads.map((version) => `v${version}`).join(', ') || 'never';
  return `${component}: written ${written}, read ${read}; ends in ${endsIn}`;
}

function layoutText({ structure, details, unannounced }: StructureChange): string {
  const warning = unannounced ? ', but its version did not change' : '';
  return `struct ${structure} has another layout${warning}: ${details.join('; ')}`;
}

/** A kernel without known layouts gives a note; the rest of the explanation does not need them. */
async function knownWriters(names: readonly string[], notes: string[], context: ImageContext): Promise<Writer[]> {
  const writers: Writer[] = [];
  for (const name of new Set(names)) {
    try {
      writers.push(...(await writersOf([name], context)));
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof LabError)) throw error;
      notes.push(`the layouts of ${name} are not known: ${messageOf(error)}`);
    }
  }
  return writers;
}

/** The structures whose layout differs in the next kernel. */
function layoutsOf(from: KernelOfResult, to: KernelOfResult, writers: readonly Writer[]): StructureChange[] {
  const [a, b] = [from, to].map((kernel) => writers.find(({ name }) => name === kernel.name)?.abi);
  return a === undefined || b === undefined
    ? []
    : diffAbi(a, b).structures.filter(({ change }) => change === 'changed');
}

/**
 * The only place that the scenario itself changed, else the place that the kernel's message is about, else a place
 * whose layout has changed.
 */
function placeOfFailure(
  { steps }: Scenario,
  hit: { row: CheckRow; incident: Incident } | null,
  layouts: readonly StructureChange[],
  dump: HandoverDump | null,
): FoundPlace | null {
  const changed = steps.flatMap((step) =>
    step.op === 'fault' && step.fault.kind === 'change' ? [{ text: step.fault.text, place: step.fault.place }] : [],
  );
  if (changed[0] !== undefined && changed.length === 1) return changed[0];
  const about = hit?.row.about ?? layouts.flatMap(({ structure }) => FIRST_OF[structure] ?? [])[0] ?? null;
  return about === null || dump === null
    ? null
    : placeAbout(about, hit === null ? '' : `${hit.incident.title}\n${hit.incident.detail}`, dump);
}

function structureOf(
  { text, place }: FoundPlace,
  { dump, read, writers }: KeptHandover,
  reader: readonly Structure[] | undefined,
  notes: string[],
): Explanation['structure'] {
  const structures = writers.find(({ name }) => name === dump.layouts.kernel)?.structures ?? [];
  try {
    const source = { read, structures, root: Number(dump.root) };
    const written = structureAt(source, place);
    const same = reader === undefined ? written : structureAt(source, place, reader);
    return { place: text, dump: written, read: JSON.stringify(same) === JSON.stringify(written) ? null : same };
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
    notes.push(`${text} cannot be shown: ${error.message}`);
    return null;
  }
}

function versionsOf({ components }: KernelOfResult): string[] {
  return components.map(({ name, version }) => `${name}-v${version}`);
}

/** The addresses of a handover's parts, in the order in which a kernel reads them. */
function whereOf({ root, kho, luo, preserved, sessions }: HandoverDump): string[] {
  const files = sessions.reduce((sum, session) => sum + session.files.length, 0);
  const pages = preserved === null ? '' : `: ${preserved.pages} pages`;
  return [
    `root tree ${kho.version || '(damaged)'} at ${root}, map of the preserved memory at ${kho.map ?? '-'}${pages}`,
    ...kho.nodes.map(({ name, phys, size }) => `  ${name} at ${phys ?? '-'}${size === null ? '' : `, ${size} bytes`}`),
    ...(luo === null ? [] : [`LUO ${luo.version} at ${luo.phys}, sessions at ${luo.sessions}`]),
    ...(sessions.length === 0
      ? []
      : [
          `${sessions.length} sessions with ${files} files, ` +
            `the first, ${sessions[0]?.name ?? ''}, at ${sessions[0]?.phys ?? ''}`,
        ]),
  ];
}

function firstLine(title: string, detail: string): string {
  const line =
    detail
      .split('\n')
      .find((each) => each.trim() !== '')
      ?.replace(/^\[[ \d.]+\] /, '') ?? '';
  return line === '' || line === title || line.length > 300 ? title : line;
}
