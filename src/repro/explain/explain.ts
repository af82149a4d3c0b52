// SPDX-License-Identifier: Apache-2.0
// The story of a failed update: what was written and where, what the next kernel reads, which check said no, and about
// which structure.
import { diffAbi, type StructureChange } from '../../compat/index.js';
import { HandoverError, PageCache, structureAt } from '../../handover/index.js';
import { ensureSymbols, findByHash, findSymbols, type ImageContext, sourceTreeOf } from '../../images/index.js';
import type { Structure } from '../../model/kernel/abi.js';
import type { Explanation, Frame } from '../../model/result/explanation.js';
import type { HandoverDump } from '../../model/result/handover-dump.js';
import type { Incident } from '../../model/result/incident.js';
import type { KernelOfResult, Result } from '../../model/result/result.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { type KeptImage, imagesOfRun } from '../../store/run/images-of-run.js';
import { readMemoryImage } from '../../store/run/memory-image.js';
import { LabError, messageOf } from '../../util/errors.js';
import { dumpMemory, type Writer, writersOf } from '../dump.js';
import { failureOf } from '../rerun/failure.js';
import { type CheckRow, checkFor, FIRST_OF } from './checks.js';
import { type Found, placeAbout } from './place.js';
import { sourceOf } from './source.js';
import { framesOf, withLines } from './trace.js';

export interface ExplainInput {
  result: Result;
  scenario: Scenario;
  /** The run or its bundle, as it may be written again. */
  name: string;
  /** Of the run. */
  folder: string;
  /** Whether a kernel may be looked up here by the name that it has in the run. */
  mayAsk: (kernel: string) => boolean;
  /** Symbols are built where they are not there; that takes minutes. */
  buildSymbols: boolean;
}

export async function explain(input: ExplainInput, context: ImageContext): Promise<Explanation> {
  const { result } = input;
  const notes: string[] = [];
  const failure = failureOf(result);
  // The kernel that refused is the one that ran then; what went wrong in the first one was no handover yet.
  const epoch = Math.min(Math.max(1, result.cause?.epoch ?? 1), result.kernels.length - 1);
  const [from, to] = [result.kernels[epoch - 1] ?? result.from, result.kernels[epoch] ?? result.to];
  const writers = await knownWriters(
    [from.name, ...result.kernels.map(({ name }) => name)].filter(input.mayAsk),
    notes,
    context,
  );
  const kept = handoverOf(input, epoch, from, writers, notes);
  const layouts = layoutsOf(from, to, writers);
  const hit = checkFor(result.incidents.filter(({ source }) => source === 'console'));
  const place = concerned(input.scenario, hit, layouts, kept?.dump ?? null);
  return {
    ...failure,
    wrote: { kernel: from.name, versions: versionsOf(from), where: kept === null ? [] : whereOf(kept.dump) },
    faults: result.timeline
      .filter(({ what }) => what.startsWith('fault '))
      .map(({ what }) => what.slice('fault '.length)),
    expected: {
      kernel: to.name,
      versions: versionsOf(to),
      mismatches: result.mismatches.map(
        ({ component, wrote, reads, endsIn }) =>
          `${component}: written ${wrote === null ? 'in a version that is not known' : `v${wrote}`}, read ${reads.map((version) => `v${version}`).join(', ') || 'never'}; ends in ${endsIn}`,
      ),
      layouts: layouts.map(
        ({ structure, details, unannounced }) =>
          `struct ${structure} is laid out otherwise${unannounced ? ', and no version says so' : ''}: ${details.join('; ')}`,
      ),
    },
    said: result.incidents.map(({ t, epoch: at, title, detail }) => ({ t, epoch: at, text: firstLine(title, detail) })),
    check: hit === null ? null : await checkOf(hit.row, to, input.mayAsk, notes, context),
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

/** Without the layouts the rest of the story is still told. */
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

/** Structures that the next kernel lays out otherwise. */
function layoutsOf(from: KernelOfResult, to: KernelOfResult, writers: readonly Writer[]): StructureChange[] {
  const [a, b] = [from, to].map((kernel) => writers.find(({ name }) => name === kernel.name)?.abi);
  return a === undefined || b === undefined
    ? []
    : diffAbi(a, b).structures.filter(({ change }) => change === 'changed');
}

interface Kept {
  dump: HandoverDump;
  image: KeptImage;
  read: (phys: number, into: Uint8Array) => boolean;
  writers: readonly Writer[];
}

/** What the kernel before `epoch` has handed over: as it stood at the jump, else what is left of it at the end. */
function handoverOf(
  { name, folder }: ExplainInput,
  epoch: number,
  from: KernelOfResult,
  writers: readonly Writer[],
  notes: string[],
): Kept | null {
  const images = imagesOfRun(folder);
  const image =
    images.find(({ moment, epoch: at }) => moment === 'jump' && at === epoch - 1) ??
    images.find(({ moment }) => moment === 'end') ??
    null;
  if (image === null) {
    notes.push(`no memory was kept with this run: lab repro ${name} --memory-image always   keeps it`);
    return null;
  }
  try {
    const memory = readMemoryImage(image.path);
    const dumps = dumpMemory(memory, memory.head.root, writers);
    const dump =
      dumps.find(({ layouts, root }) => Number(root) === memory.head.root || layouts.kernel === from.name) ?? dumps[0];
    if (image.moment === 'end')
      notes.push(
        'the handover is shown as it was at the end of the run: what the next kernel has taken is gone from it',
      );
    return dump === undefined ? null : { dump, image, read: new PageCache(memory.read).read, writers };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    notes.push(`what was handed over cannot be shown: ${messageOf(error)}`);
    return null;
  }
}

/**
 * The only place that the scenario itself has changed, else the one that the kernel's words are about, else where a
 * layout has changed.
 */
function concerned(
  { steps }: Scenario,
  hit: { row: CheckRow; incident: Incident } | null,
  layouts: readonly StructureChange[],
  dump: HandoverDump | null,
): Found | null {
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
  { text, place }: Found,
  { dump, read, writers }: Kept,
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

async function checkOf(
  row: CheckRow,
  kernel: KernelOfResult,
  mayAsk: ExplainInput['mayAsk'],
  notes: string[],
  context: ImageContext,
): Promise<Explanation['check']> {
  const tree = !mayAsk(kernel.name)
    ? null
    : await sourceTreeOf(kernel.name, context).catch((error: unknown) => {
        if (error instanceof LabError) return null;
        throw error;
      });
  const source = tree === null ? null : sourceOf(row, tree);
  if (source === null)
    notes.push(
      `the source of ${kernel.name} is not here: the function is that of 7.3 (lab images build ${kernel.name}   fetches it)`,
    );
  return { refuses: row.refuses, function: source?.function || row.function, source };
}

async function traceOf(
  { name, result, buildSymbols, mayAsk }: ExplainInput,
  kernel: KernelOfResult,
  notes: string[],
  context: ImageContext,
): Promise<Explanation['trace']> {
  const report = [result.cause, ...result.incidents].find(
    (incident) => incident !== null && framesOf(incident.detail).length > 0,
  );
  const frames = framesOf(report?.detail ?? '');
  const plain = frames.map(shownFrame);
  if (frames.length === 0) return { frames: [], why: null };
  try {
    const image = await findByHash(kernel.sha256, context);
    if (image === null || image.systemMap === null || !mayAsk(kernel.name))
      return { frames: plain, why: `${kernel.name} is not here to the byte: no lines` };
    const symbols = buildSymbols
      ? await ensureSymbols(kernel.name, image, context)
      : await findSymbols(kernel.name, image, context);
    if (symbols === null)
      return {
        frames: plain,
        why: `file and line take symbols: lab show ${name} --explain --symbols   builds them, in minutes`,
      };
    if (!symbols.lines || symbols.vmlinux === null) return { frames: plain, why: symbols.why };
    return {
      frames: (await withLines(frames, symbols.vmlinux, image.systemMap, context.signal)).map(shownFrame),
      why: null,
    };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof LabError)) throw error;
    notes.push(messageOf(error));
    return { frames: plain, why: 'no lines' };
  }
}

function shownFrame({ function: name, offset, unsure, lines }: Frame): Frame {
  return { function: name, offset, unsure, lines };
}

function versionsOf({ components }: KernelOfResult): string[] {
  return components.map(({ name, version }) => `${name}-v${version}`);
}

/** Where the parts of a handover lie, in the order in which a kernel comes to them. */
function whereOf({ root, kho, luo, preserved, sessions }: HandoverDump): string[] {
  const files = sessions.reduce((sum, session) => sum + session.files.length, 0);
  return [
    `root tree ${kho.version || '(not sound)'} at ${root}, map of the preserved memory at ${kho.map ?? '-'}${preserved === null ? '' : `: ${preserved.pages} pages`}`,
    ...kho.nodes.map(({ name, phys, size }) => `  ${name} at ${phys ?? '-'}${size === null ? '' : `, ${size} bytes`}`),
    ...(luo === null ? [] : [`LUO ${luo.version} at ${luo.phys}, sessions at ${luo.sessions}`]),
    ...(sessions.length === 0
      ? []
      : [
          `${sessions.length} sessions with ${files} files, the first ${sessions[0]?.name ?? ''} at ${sessions[0]?.phys ?? ''}`,
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
