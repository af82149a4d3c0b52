// SPDX-License-Identifier: Apache-2.0
// The hunt at the end of a night: its part of the verdict, and of the exit status.
import type { HuntFinding, NightHunt } from '../../model/hunt/hunt.js';
import type { NightlyReport } from '../../store/matrix/nightly-report.js';
import { printable } from '../../util/text/escape.js';
import { countsOf, exitStatusOf, verdictOfNight } from '../night/counts.js';
import { huntLine, huntStatus, inState } from './text.js';

/** Bugs that the hunt has confirmed, and that nobody has called known. Those of earlier nights count until then. */
export function unknownBugs(hunt: NightHunt | null): HuntFinding[] {
  return inState(hunt?.report?.findings ?? [], 'confirmed');
}

/** 1: a bug that is not known. 3: the hunt has not ended, or the lab failed. */
export function nightHuntStatus(hunt: NightHunt | null): 0 | 1 | 3 {
  if (hunt === null) return 0;
  if (unknownBugs(hunt).length > 0) return 1;
  return hunt.state === 'ended' && hunt.report !== null ? huntStatus(hunt.report) : 3;
}

/** What is wrong outweighs what is not known. */
export function worseStatus(...all: readonly number[]): number {
  return all.includes(1) ? 1 : (all.find((each) => each !== 0) ?? 0);
}

export function nightStatus({ pairResults, hunt }: Pick<NightlyReport, 'pairResults' | 'hunt'>): number {
  return worseStatus(exitStatusOf(countsOf(pairResults)), nightHuntStatus(hunt));
}

/** The night as one sentence, and whether anything failed. */
export function nightVerdict({ pairResults, hunt }: Pick<NightlyReport, 'pairResults' | 'hunt'>): {
  text: string;
  failed: boolean;
} {
  const counts = countsOf(pairResults);
  const about = huntVerdict(hunt);
  return {
    text: [verdictOfNight(counts), ...(about === null ? [] : [about])].join('; '),
    failed: counts.failed > 0 || unknownBugs(hunt).length > 0,
  };
}

/** Null if there was no hunt, or if nothing is to be said of it. */
function huntVerdict(hunt: NightHunt | null): string | null {
  const bugs = unknownBugs(hunt).length;
  if (bugs > 0) return `the hunt found ${bugs} ${bugs === 1 ? 'bug that is' : 'bugs that are'} not known`;
  if (nightHuntStatus(hunt) === 0) return null;
  return hunt?.state === 'open' ? 'the hunt has not ended' : 'the hunt has no verdict';
}

const MAX_ROWS = 20;

/** A few lines for a summary: the hunt, and its bugs. */
export function nightHuntLines(hunt: NightHunt | null): string[] {
  if (hunt === null) return [];
  const { report, state, why, plan } = hunt;
  const bugs = unknownBugs(hunt);
  const head = report === null ? '' : huntLine(report);
  const trouble =
    state === 'failed'
      ? `failed: ${printable(why ?? '', 400)}`
      : state === 'open'
        ? 'not ended; lab matrix PLAN --resume   goes on'
        : report?.end?.kind === 'stopped'
          ? `stopped: ${printable(report.end.why, 400)}`
          : '';
  return [
    `hunt ${printable(plan, 200)}: ${[head, trouble].filter((part) => part !== '').join('; ')}`,
    ...bugs
      .slice(0, MAX_ROWS)
      .map(({ outcome, title, fresh }) => `  ${fresh ? 'NEW  ' : 'open '}${outcome}: ${printable(title, 200)}`),
    ...(bugs.length > MAX_ROWS ? [`  and ${bugs.length - MAX_ROWS} more`] : []),
    ...(bugs.length > 0 && report !== null ? [`  in ${printable(report.out, 400)}`] : []),
  ];
}
