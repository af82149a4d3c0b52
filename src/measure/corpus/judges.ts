// SPDX-License-Identifier: Apache-2.0
// Compares the two judges of content over a corpus: the one that knows the pattern, and the one that follows pages.
import { judgesAgree } from '../../model/evidence/handed-over.js';
import type { Result } from '../../model/result/result.js';
import type { Entry } from './journal.js';

type Judges = NonNullable<Entry['judges']>;

export function judgesOf({ handedOver }: Pick<Result, 'handedOver'>): Judges {
  const judges: Judges = { agree: 0, differ: [], alone: 0, blind: 0, ms: 0 };
  for (const { blind, files, ms } of handedOver) {
    if (blind !== null) judges.blind++;
    judges.ms += ms;
    for (const file of files) {
      const agree = judgesAgree(file);
      if (agree === null) judges.alone++;
      else if (agree) judges.agree++;
      else judges.differ.push(`${file.session ?? ''}/${file.name}: ${file.state}, by its pattern ${file.pattern}`);
    }
  }
  return judges;
}

/** How often they agree, and what following costs. */
export function judgesLines(runs: readonly Entry[]): string[] {
  const followed = runs.filter(({ judges }) => judges !== null && judges.ms > 0);
  const sum = (of: (judges: Judges) => number) =>
    followed.reduce((total, { judges }) => total + (judges === null ? 0 : of(judges)), 0);
  const shares = followed
    .map(({ judges, runSeconds }) => (judges?.ms ?? 0) / 10 / Math.max(0.001, runSeconds))
    .sort((a, b) => a - b);
  const [agree, differ] = [sum((judges) => judges.agree), sum(({ differ: { length } }) => length)];
  const percent = (share: number | undefined) => `${(share ?? 0).toFixed(1)} %`;
  return [
    `Files with two judges: ${agree + differ}, of which ${agree} are judged the same; files that only pages judge: ` +
      `${sum(({ alone }) => alone)}; runs whose pages were followed: ${followed.length} of ${runs.length}.`,
    `Share of a run: median ${percent(shares[Math.floor(shares.length / 2)])}, highest ${percent(shares.at(-1))}.`,
    ...followed.flatMap(({ name, judges }) => (judges?.differ ?? []).map((text) => `${name}: ${text}`)),
  ];
}
