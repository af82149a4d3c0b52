// SPDX-License-Identifier: Apache-2.0
// Reports the verdict on each file of an update as events and incidents.
import { KhopIndex } from '../../oracles/pages/khop.js';
import type { Needs } from '../engine/parts.js';
import type { UpdateRecord } from './records.js';

const IMPLIES = { intact: null, unjudged: null, corrupt: 'corrupt', leaked: 'leak', lost: 'lost' } as const;
export const NO_MARKS = new KhopIndex([]);

/** @param owners lines about who allocated the pages that leaked */
export function recordOracles(parts: Needs<'recorder'>, record: UpdateRecord, owners: readonly string[] = []): void {
  const { recorder } = parts;
  for (const { kind, file, verdict } of record.files) {
    const good = verdict.state === 'intact';
    const pages = `${verdict.pagesPreserved} pages`;
    recorder.event({
      kind: 'oracle',
      oracle: `pages of ${file.name}`,
      side: 'outside',
      ok: good,
      detail: good ? pages : `${verdict.state}: ${verdict.problems.join('; ')}`,
    });
    if (verdict.disagreement !== null) {
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: null,
        title: 'inside and outside disagree',
        detail: `${file.name}: ${verdict.disagreement}`,
      });
    }
    if (good) continue;
    const origin = file.session === null ? '' : `session ${file.session}, token ${file.token}, `;
    const oldPages =
      verdict.state === 'lost'
        ? `; ${verdict.overwritten} of its pages are overwritten, ${verdict.readable} can still be read in place`
        : '';
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: IMPLIES[verdict.state],
      title: `${kind} is ${verdict.state}`,
      detail: `${file.name} (${origin}${pages}): ${verdict.problems.join('; ')}${oldPages}`,
    });
  }
  const { pagesLeaked } = record.counts;
  if (record.marked === null) return;
  const known = record.baseline
    .map(({ pfn, count, what }) => `${what} at 0x${(pfn * 4096).toString(16)}${count > 1 ? ` (${count} pages)` : ''}`)
    .join(', ');
  recorder.event({
    kind: 'oracle',
    oracle: 'leaked pages',
    side: 'outside',
    ok: pagesLeaked === 0,
    detail:
      `${record.handedOver ?? '?'} pages handed over, ${record.marked.total} still marked; ` +
      `of these, pages of the handover itself: ${known || 'none'}`,
  });
  if (pagesLeaked > 0) {
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'leak',
      title: 'pages leaked',
      detail: [`${pagesLeaked} pages are neither restored nor given back`, ...owners].join('\n'),
    });
  }
}
