// SPDX-License-Identifier: Apache-2.0
// Limits the findings that are reported for each kernel, without losing an outcome.
import type { CountedFinding, Finding } from './types.js';

/** Titles for each kernel and severity. Each has its own limit, so that a flood of warnings cannot hide a panic. */
const MAX_TITLES = 24;
/** The same for findings that other code looks for: their titles contain names, so there are more of them. */
const MAX_LOOKED_FOR = 256;
/** Findings of a whole console, for a machine that claims a new kernel in every line. */
const MAX_FINDINGS = 20_000;

export class KeptFindings {
  private readonly findings = new Map<string, CountedFinding>();
  private readonly titles = new Map<string, number>();
  /** Outcomes and taints that were reported, by epoch. */
  private readonly implications = new Set<string>();
  /** Findings beyond the limits. */
  dropped = 0;

  get all(): CountedFinding[] {
    return [...this.findings.values()].map((counted) => ({ ...counted }));
  }

  /**
   * @param limit `looked-for` if other code looks for this title, `severity` for all others
   * @returns true if the finding should be reported: it is the first with its title in its epoch
   */
  take(finding: Finding, limit: 'severity' | 'looked-for'): boolean {
    const { epoch, severity, title, implies, taint } = finding;
    const key = `${epoch} ${severity} ${title}`;
    const known = this.findings.get(key);
    if (known !== undefined) {
      known.count += 1;
      return false;
    }
    const [group, max] =
      limit === 'looked-for' ? [`${epoch} looked for`, MAX_LOOKED_FOR] : [`${epoch} ${severity}`, MAX_TITLES];
    const titles = this.titles.get(group) ?? 0;
    // There are few outcomes and taints, so each gets through once an epoch, however many titles came before.
    const full = this.findings.size >= MAX_FINDINGS;
    const implication = `${full ? '' : epoch} ${implies ?? ''} ${taint ?? ''}`;
    if ((full || titles >= max) && (implies === null || this.implications.has(implication))) {
      this.dropped += 1;
      return false;
    }
    this.titles.set(group, titles + 1);
    if (implies !== null) this.implications.add(implication);
    this.findings.set(key, { finding, count: 1 });
    return true;
  }
}
