// SPDX-License-Identifier: Apache-2.0
// Judges one file by its pages alone. It needs no pattern, and nobody in the machine who says what the file held.
import type { FollowedState, PageFates } from '../../model/evidence/handed-over.js';
import type { ArrivalLook, Counted, EndLook } from './follow.js';

export interface PagesVerdict extends PageFates {
  state: FollowedState;
  problems: string[];
}

export interface Looks {
  pages: number;
  /** Null if the machine ended before. */
  arrival: ArrivalLook | null;
  end: EndLook | null;
  /** `may-change`: a step or a guest writes to the file, or cuts it, after it came back. */
  content: 'as-before' | 'may-change';
  /** How size, mode or seals differ from what they were. */
  metadata: readonly string[];
}

export function judgePages({ pages, arrival, end, content, metadata }: Looks): PagesVerdict {
  const fates: PageFates = {
    arrived: arrival === null ? 0 : arrival.pages - arrival.unmarked.count - arrival.changed.count,
    cached: end?.cached ?? 0,
    marked: end?.marked ?? 0,
    released: end?.released.count ?? 0,
    changed: end?.changed.count ?? 0,
  };
  if (arrival === null) return { ...fates, state: 'unjudged', problems: [] };
  const found: { state: FollowedState; problem: string }[] = [];
  const add = (state: FollowedState, counted: Counted, what: string) => {
    if (counted.count > 0) found.push({ state, problem: `${counted.count} of ${pages} pages ${what}${at(counted)}` });
  };
  add('corrupt', arrival.changed, 'had other content than at the jump when the next kernel was up');
  add('lost', arrival.unmarked, 'were not marked as handed over when the next kernel was up');
  if (end !== null) {
    const { cached, marked, released, moved, changed, hidden } = end;
    const never = `${marked} of ${pages} pages were never retrieved`;
    if (content === 'as-before') {
      add('corrupt', moved, 'are at another place of their file than before');
      // What was different on arrival is told already.
      if (arrival.changed.count === 0) add('corrupt', changed, 'have other content than at the jump');
      add('corrupt', hidden, 'read as zeros in their file, and held something');
      if (cached > 0) add('corrupt', released, 'were given away while the file has the others');
    }
    for (const problem of metadata) found.push({ state: 'corrupt', problem });
    // What holds only a part of its pages has other content than before.
    if (marked > 0 && cached > 0) found.push({ state: 'corrupt', problem: `${never}, and the file has the others` });
    else if (marked > 0 && released.count > 0)
      found.push({ state: 'lost', problem: `${never}, and the others were given away` });
    else if (marked > 0) found.push({ state: 'leaked', problem: never });
  }
  const [worst] = (['corrupt', 'lost', 'leaked'] as const).filter((state) =>
    found.some((each) => each.state === state),
  );
  const good = end === null ? 'unjudged' : pages > 0 && end.cached === 0 ? 'released' : 'preserved';
  return { ...fates, state: worst ?? good, problems: found.map(({ problem }) => problem) };
}

function at({ first }: Counted): string {
  return first === null ? '' : `, first page ${first.page} at pfn 0x${first.pfn.toString(16)}`;
}
