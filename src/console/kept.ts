// SPDX-License-Identifier: Apache-2.0
// Which findings are told: a bounded number for each kernel, and never so few that an outcome is missed.
import type { CountedFinding, Finding } from './types.js';

/** Different titles of one severity that are kept for each kernel, so that a flood of warnings cannot hide a panic. */
const KEPT_TITLES = 24;
/** The same for findings that code looks for, whose titles hold names. */
const KEPT_NAMES = 256;
/** Findings of a whole console: a machine that claims a new kernel in every line fills no memory. */
const KEPT_IN_ALL = 20_000;

export class Kept {
  private readonly findings = new Map<string, CountedFinding>();
  private readonly titles = new Map<string, number>();
  private readonly told = new Set<string>();
  /** Findings with further titles, beyond the limits. */
  dropped = 0;

  get all(): CountedFinding[] {
    return [...this.findings.values()].map((counted) => ({ ...counted }));
  }

  /**
   * @param lookedFor its title holds a name that other code looks for
   * @returns true where the finding is to be told: the first of its title in its epoch
   */
  take(finding: Finding, lookedFor: boolean): boolean {
    const { epoch, severity, title, implies, taint } = finding;
    const key = `${epoch} ${severity} ${title}`;
    const known = this.findings.get(key);
    if (known !== undefined) {
      known.count += 1;
      return false;
    }
    const [shelf, most] = lookedFor ? [`${epoch} looked for`, KEPT_NAMES] : [`${epoch} ${severity}`, KEPT_TITLES];
    const kept = this.titles.get(shelf) ?? 0;
    // There are few outcomes and few taints, so each of them gets through once an epoch, however many titles came
    // before.
    const full = this.findings.size >= KEPT_IN_ALL;
    const news = `${full ? '' : epoch} ${implies ?? ''} ${taint ?? ''}`;
    if ((full || kept >= most) && (implies === null || this.told.has(news))) {
      this.dropped += 1;
      return false;
    }
    this.titles.set(shelf, kept + 1);
    if (implies !== null) this.told.add(news);
    this.findings.set(key, { finding, count: 1 });
    return true;
  }
}
