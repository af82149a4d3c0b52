// SPDX-License-Identifier: Apache-2.0
// Physical memory as a picture. Each field is a group of pages, with the colour of the worst state among them.
import type { MemoryOfResult, PhysState } from '../../../model/result/result.js';
import { bytes } from '../../text/style.js';
import { show } from '../parts/page.js';

const PAGE = 4096;
const COLUMNS = 96;
const MAX_ROWS = 24;
const FIELD = 10;
/** The drawn memory is a multiple of this. */
const STEP_PAGES = (64 << 20) / PAGE;
const WORST_FIRST: readonly PhysState[] = ['reused', 'corrupt', 'lost', 'leaked', 'unjudged', 'own', 'intact'];

export type Run = MemoryOfResult['updates'][number]['map'][number];

export interface Field {
  row: number;
  column: number;
  /** How many consecutive fields look the same. */
  width: number;
  state: PhysState;
}

export interface Drawing {
  /** Pages in each field. */
  pages: number;
  rows: number;
  /** Pages that are drawn, starting at address 0. */
  extent: number;
  fields: Field[];
}

/** Where each state is drawn. Runs without a numeric address are left out. */
export function drawingOf(map: readonly Run[]): Drawing {
  const runs = map
    .map(({ phys, pages, state }) => ({ pfn: Number(phys) / PAGE, pages, state }))
    .filter(({ pfn, pages }) => Number.isSafeInteger(pfn) && pages > 0);
  const end = runs.reduce((most, { pfn, pages }) => Math.max(most, pfn + pages), 0);
  const extent = Math.max(STEP_PAGES, Math.ceil(end / STEP_PAGES) * STEP_PAGES);
  const pages = Math.max(1, Math.ceil(extent / (COLUMNS * MAX_ROWS)));
  const worst = new Map<number, number>();
  for (const { pfn, pages: count, state } of runs) {
    const rank = WORST_FIRST.indexOf(state);
    for (let field = Math.floor(pfn / pages); field <= Math.floor((pfn + count - 1) / pages); field++)
      worst.set(field, Math.min(rank, worst.get(field) ?? WORST_FIRST.length));
  }
  const fields: Field[] = [];
  for (const [field, rank] of [...worst].sort(([a], [b]) => a - b)) {
    const [row, column, state] = [Math.floor(field / COLUMNS), field % COLUMNS, WORST_FIRST[rank] as PhysState];
    const last = fields.at(-1);
    if (last !== undefined && last.row === row && last.state === state && last.column + last.width === column)
      last.width++;
    else fields.push({ row, column, width: 1, state });
  }
  return { pages, rows: Math.ceil(extent / pages / COLUMNS), extent, fields };
}

export function PhysMap({ epoch, map, leftOut }: { epoch: number; map: readonly Run[]; leftOut: number }) {
  const { pages, rows, extent, fields } = drawingOf(map);
  return (
    <figure class="map">
      <figcaption>
        Physical memory after the update into epoch {epoch}: {bytes(extent * PAGE)} from address 0, a row{' '}
        {bytes(pages * COLUMNS * PAGE)}, a field {bytes(pages * PAGE)}
        {leftOut > 0 ? `; ${leftOut} pages in small pieces are not drawn` : ''}
      </figcaption>
      <svg viewBox={`0 0 ${COLUMNS * FIELD} ${rows * FIELD}`} role="img" aria-label={show(summaryOf(map))}>
        <rect class="p-none" width={COLUMNS * FIELD} height={rows * FIELD} />
        {fields.map(({ row, column, width, state }) => (
          <rect
            key={`${row}.${column}`}
            class={`p-${state}`}
            x={column * FIELD}
            y={row * FIELD}
            width={width * FIELD}
            height={FIELD}
          >
            <title>
              {state}, 0x{((row * COLUMNS + column) * pages * PAGE).toString(16)}, {bytes(width * pages * PAGE)}
            </title>
          </rect>
        ))}
      </svg>
    </figure>
  );
}

function summaryOf(map: readonly Run[]): string {
  return WORST_FIRST.flatMap((state) => {
    const pages = map.reduce((sum, run) => sum + (run.state === state ? run.pages : 0), 0);
    return pages === 0 ? [] : [`${pages} pages ${state}`];
  }).join(', ');
}
