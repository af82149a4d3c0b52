// SPDX-License-Identifier: Apache-2.0
// Places of a handover as text, such as `memfd[vm0/1].folio[17].pfn`. One table lists them all.
import type { FileRef, Place } from '../../model/scenario/place.js';
import { tokenOf } from '../../model/scenario/token.js';
import { nearest } from '../../util/text/nearest.js';
import { shown } from '../source/problem.js';

/** The kind of value at a place. A pointer is a number that can also be made to point to its own structure. */
export type PlaceKind = 'text' | 'number' | 'pointer' | 'tree';

interface Row {
  kind: PlaceKind;
  /** In some format it is a property or a node of a device tree, so that it can be removed. */
  removable: boolean;
  make: (args: readonly string[]) => Place | string;
}

export interface ParsedPlace {
  place: Place;
  kind: PlaceKind;
  removable: boolean;
}

const MAX_NUMBER = 2 ** 32;

function number(text: string, what: string): number | string {
  return /^\d{1,10}$/.test(text) && Number(text) < MAX_NUMBER
    ? Number(text)
    : `expected ${what} in brackets, found ${shown(text)}`;
}

/** Splits at the last slash, because a session's name may contain slashes. */
function fileOf(text: string): FileRef | string {
  const slash = text.lastIndexOf('/');
  const [session, file] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash < 1 || file === '') return `expected SESSION/TOKEN or SESSION/FILE in brackets, found ${shown(text)}`;
  return { session, file, token: tokenOf(file) ?? -1 };
}

function onFile(text: string, make: (file: FileRef) => Place | string): Place | string {
  const file = fileOf(text);
  return typeof file === 'string' ? file : make(file);
}

const ROWS = new Map<string, Row>();

function row(template: string, kind: PlaceKind, make: Row['make'], change: 'keep' | 'removable' = 'keep'): void {
  ROWS.set(template, { kind, make, removable: change === 'removable' });
}

row('kho.root', 'number', () => ({ of: 'kho', field: 'root' }));
row('kho.version', 'text', () => ({ of: 'kho', field: 'version' }), 'removable');
row('kho.map', 'pointer', () => ({ of: 'kho', field: 'map' }), 'removable');
row('kho.map.root', 'pointer', () => ({ of: 'map', field: 'root' }));
row('kho.map.leaf', 'number', () => ({ of: 'map', field: 'leaf' }));
row('kho.node[NAME]', 'tree', ([name = '']) => ({ of: 'node', name, field: 'whole' }), 'removable');
row('kho.node[NAME].data', 'pointer', ([name = '']) => ({ of: 'node', name, field: 'data' }), 'removable');
row('kho.node[NAME].size', 'number', ([name = '']) => ({ of: 'node', name, field: 'size' }), 'removable');
row('luo.version', 'text', () => ({ of: 'luo', field: 'version' }), 'removable');
for (const field of ['number', 'size'] as const)
  row(`luo.${field}`, 'number', () => ({ of: 'luo', field }), 'removable');
for (const field of ['sessions_pa', 'flbs_pa'] as const)
  row(`luo.${field}`, 'pointer', () => ({ of: 'luo', field }), 'removable');
row('sessions.version', 'text', () => ({ of: 'sessions', field: 'version' }), 'removable');
row('sessions.count', 'number', () => ({ of: 'sessions', field: 'count' }));
row('sessions.next', 'pointer', () => ({ of: 'sessions', field: 'next' }));
row('flbs.version', 'text', () => ({ of: 'flbs', field: 'version' }), 'removable');
for (const field of ['count', 'pages'] as const) row(`flbs.${field}`, 'number', () => ({ of: 'flbs', field }));
row('session[SESSION].name', 'text', ([session = '']) => ({ of: 'session', session, field: 'name' }));
row('session[SESSION].count', 'number', ([session = '']) => ({ of: 'session', session, field: 'count' }));
row('session[SESSION].files', 'pointer', ([session = '']) => ({ of: 'session', session, field: 'files' }));
row('files[SESSION].count', 'number', ([session = '']) => ({ of: 'files', session, field: 'count' }));
row('files[SESSION].next', 'pointer', ([session = '']) => ({ of: 'files', session, field: 'next' }));
row('file[SESSION/FILE].compatible', 'text', ([at = '']) =>
  onFile(at, (file) => ({ of: 'file', file, field: 'compatible' })),
);
row('file[SESSION/FILE].data', 'pointer', ([at = '']) => onFile(at, (file) => ({ of: 'file', file, field: 'data' })));
row('file[SESSION/FILE].token', 'number', ([at = '']) => onFile(at, (file) => ({ of: 'file', file, field: 'token' })));
for (const field of [
  'pos',
  'size',
  'seals',
  'flags',
  'nr_folios',
  'folios.total_pages',
  'folios.flags',
  'folios.order',
] as const) {
  row(`memfd[SESSION/FILE].${field}`, 'number', ([at = '']) => onFile(at, (file) => ({ of: 'memfd', file, field })));
}
for (const field of ['folios.first', 'folios.next'] as const) {
  row(`memfd[SESSION/FILE].${field}`, 'pointer', ([at = '']) => onFile(at, (file) => ({ of: 'memfd', file, field })));
}
row('memfd[SESSION/FILE].folios.block[N]', 'pointer', ([at = '', n = '']) =>
  onFile(at, (file) => {
    const block = number(n, 'the number of a block');
    return typeof block === 'string' ? block : { of: 'block', file, block };
  }),
);
for (const field of ['pfn', 'flags', 'index', 'preserved'] as const) {
  row(`memfd[SESSION/FILE].folio[N].${field}`, 'number', ([at = '', n = '']) =>
    onFile(at, (file) => {
      const folio = number(n, 'the number of a folio');
      return typeof folio === 'string' ? folio : { of: 'folio', file, folio, field };
    }),
  );
}
row('content[SESSION/FILE].page[N]', 'number', (args) => content([...args, '0']));
row('content[SESSION/FILE].page[N].byte[N]', 'number', (args) => content(args));
for (const field of ['version', 'kexec_count'] as const)
  row(`kexec-metadata.${field}`, 'number', () => ({ of: 'kexec-metadata', field }));
row('kexec-metadata.previous_release', 'text', () => ({ of: 'kexec-metadata', field: 'previous_release' }));
row('memblock.version', 'text', () => ({ of: 'memblock', field: 'version' }), 'removable');
row('reserve-mem[NAME]', 'tree', ([name = '']) => ({ of: 'reserve-mem', name, field: 'whole' }), 'removable');
row('reserve-mem[NAME].version', 'text', ([name = '']) => ({ of: 'reserve-mem', name, field: 'version' }), 'removable');
row('reserve-mem[NAME].start', 'pointer', ([name = '']) => ({ of: 'reserve-mem', name, field: 'start' }), 'removable');
row('reserve-mem[NAME].size', 'number', ([name = '']) => ({ of: 'reserve-mem', name, field: 'size' }), 'removable');

function content([at = '', p = '', b = '']: readonly string[]): Place | string {
  return onFile(at, (file) => {
    const page = number(p, 'the number of a page');
    if (typeof page === 'string') return page;
    const byte = number(b, 'the number of a byte');
    if (typeof byte === 'string') return byte;
    return byte < 4096 ? { of: 'content', file, page, byte } : `expected a byte below 4096, found ${byte}`;
  });
}

/** All places as text, with a word for each name in brackets. */
export const PLACE_TEMPLATES: readonly string[] = [...ROWS.keys()];

const shapeOf = (text: string) => text.replace(/\[[^\]]*\]/g, '[]');
const SHAPES = new Map(PLACE_TEMPLATES.map((template) => [shapeOf(template), template]));

/** Parses a place, or returns the problem. */
export function parsePlace(text: string): ParsedPlace | { message: string; hint: string | null } {
  const shape = shapeOf(text);
  const template = SHAPES.get(shape);
  if (template === undefined) {
    const near = nearest(shape, SHAPES.keys());
    return {
      message: `expected a place of the handover, found ${shown(text)}`,
      hint: near === null ? 'docs/scenario.md lists them' : `did you mean "${SHAPES.get(near)}"?`,
    };
  }
  const { make, kind, removable } = ROWS.get(template) as Row;
  const args = [...text.matchAll(/\[([^\]]*)\]/g)].map(([, arg = '']) => arg);
  if (args.some((arg) => arg === ''))
    return { message: `expected a name in the brackets of ${shown(text)}`, hint: `write ${template}` };
  const place = make(args);
  return typeof place === 'string' ? { message: place, hint: `write ${template}` } : { place, kind, removable };
}
