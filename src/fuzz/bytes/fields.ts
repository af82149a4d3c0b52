// SPDX-License-Identifier: Apache-2.0
// The fields of the handover that a scenario leads to: every place that can be named, for each session and file of it.
import { FIRST_READERS, placeKey, type Series } from '../../handover/index.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { parsePlace, PLACE_TEMPLATES, type PlaceKind } from '../../scenario/index.js';
import type { Random } from '../../util/random.js';

export interface HandoverField {
  /** As a scenario names it: `memfd[vm0/1].folio[17].pfn`. */
  text: string;
  /** What it is a field of, without names: `memfd[].folio[].pfn`. */
  shape: string;
  kind: PlaceKind;
  removable: boolean;
}

interface NamedFile {
  session: string;
  token: string;
  pages: number;
}

/** Nodes that every root tree has. */
const NODES = ['LUO', 'kexec-metadata'];
/** Only scenarios that reserve memory have these; the others have no such tree. */
const ABSENT = /^(memblock|reserve-mem)/;
const PAGE = 4096;
/** Bytes of a page at which a change of the content is tried. */
const BYTES = [0, 1, 4095];

/** One field of each place that the format of this series has, with names drawn at random. */
export function fieldsOf(scenario: Scenario, series: Series, random: Random): HandoverField[] {
  const sessions = scenario.steps.flatMap((step) => (step.op === 'create' ? [step.session] : []));
  const files = filesOf(scenario);
  return PLACE_TEMPLATES.filter((template) => !ABSENT.test(template)).flatMap((template) => {
    const text = named(template, { sessions, files, random });
    const parsed = text === null ? null : parsePlace(text);
    if (text === null || parsed === null || 'message' in parsed) return [];
    if (FIRST_READERS[placeKey(parsed.place)].of[series] === null) return [];
    const { kind } = parsed;
    return [{ text, shape: shapeOf(template), kind, removable: parsed.removable && isInTree(template, series) }];
  });
}

/** Since 7.2 LUO's own state is a structure, not a tree. */
function isInTree(template: string, series: Series): boolean {
  return template.startsWith('kho.') || series === '6.19' || series === '7.1';
}

function shapeOf(template: string): string {
  return template.replace(/\[[^\]]*\]/g, '[]');
}

function filesOf({ steps }: Scenario): NamedFile[] {
  const sizes = new Map(steps.flatMap((step) => (step.op === 'memfd' ? [[step.memfd.file, step.memfd.size]] : [])));
  return steps.flatMap((step) => {
    const size = step.op === 'preserve' ? sizes.get(step.file) : undefined;
    return step.op === 'preserve' && size !== undefined
      ? [{ session: step.session, token: String(step.token), pages: Math.ceil(size / PAGE) }]
      : [];
  });
}

/** Null if the scenario has nothing of this kind. */
function named(
  template: string,
  { sessions, files, random }: { sessions: readonly string[]; files: readonly NamedFile[]; random: Random },
): string | null {
  const file = random.pick(files);
  const session = template.startsWith('files[') ? file?.session : random.pick(sessions);
  if (template.includes('SESSION/FILE') && file === undefined) return null;
  if (template.includes('SESSION') && session === undefined) return null;
  const pages = file?.pages ?? 1;
  return template
    .replace('SESSION/FILE', `${file?.session}/${file?.token}`)
    .replace('SESSION', session ?? '')
    .replace('kho.node[NAME]', `kho.node[${random.pick(NODES)}]`)
    .replace('byte[N]', `byte[${random.pick(BYTES)}]`)
    .replace('block[N]', `block[${random.below(2)}]`)
    .replace('[N]', `[${edgeOf(pages, random)}]`);
}

/** Half of the time the first or last of them. */
function edgeOf(count: number, random: Random): number {
  return random.below(2) === 0 ? random.pick([0, count - 1]) : random.below(count);
}
