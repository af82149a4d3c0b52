// SPDX-License-Identifier: Apache-2.0
// Records for each kernel of a run which witnesses were needed, which looked and which were blind. Silence is not
// evidence: a needed witness that never looked counts as blind.
import { WITNESSES, type BlindWitness, type Witness, type WitnessOfResult } from '../model/result/witness.js';

interface Entry {
  required: boolean;
  looked: boolean;
  counted: number;
  blind: { why: string; hint: string | null } | null;
}

export class Witnesses {
  private readonly entries = new Map<Witness, Map<number, Entry>>();
  /** Why a witness can see no kernel of this run. */
  private readonly throughout = new Map<Witness, NonNullable<Entry['blind']>>();

  /**
   * Creates an empty record.
   * @param waived witnesses that the user does without
   */
  constructor(private readonly waived: readonly Witness[] = []) {}

  /** A judgement on the kernel of `epoch` needs this witness. */
  require(witness: Witness, epoch: number): void {
    this.entry(witness, epoch).required = true;
  }

  /** The witness looked, and counted `counted` items. */
  looked(witness: Witness, epoch: number, counted: number): void {
    const entry = this.entry(witness, epoch);
    entry.looked = true;
    entry.counted += counted;
  }

  /** The witness could not see, or may have missed something. The first reason is kept. */
  blind(witness: Witness, epoch: number, why: string, hint: string | null = null): void {
    this.entry(witness, epoch).blind ??= { why, hint };
  }

  /** The host gives the witness no way to see any kernel of this run. The first reason is kept. */
  blindThroughout(witness: Witness, why: string, hint: string | null = null): void {
    if (!this.throughout.has(witness)) this.throughout.set(witness, { why, hint });
  }

  /** Returns the needed witnesses that did not see, except waived ones. */
  missing(): BlindWitness[] {
    return WITNESSES.filter((witness) => !this.waived.includes(witness)).flatMap((witness) =>
      [...(this.entries.get(witness) ?? [])]
        .filter(([, entry]) => entry.required)
        .flatMap(([epoch, { looked, blind }]) => {
          const reason = this.throughout.get(witness) ?? blind;
          if (reason !== null) return [{ witness, epoch, ...reason }];
          return looked ? [] : [{ witness, epoch, why: 'it was needed and never looked', hint: null }];
        }),
    );
  }

  /** One entry for each witness that was needed or looked. */
  report(): Partial<Record<Witness, WitnessOfResult>> {
    const report: Partial<Record<Witness, WitnessOfResult>> = {};
    for (const witness of WITNESSES) {
      const entries = [...(this.entries.get(witness)?.values() ?? [])];
      if (entries.length === 0) continue;
      const needed = entries.filter(({ required }) => required);
      const why =
        this.throughout.get(witness)?.why ??
        entries.find(({ blind }) => blind !== null)?.blind?.why ??
        (needed.some(({ looked }) => !looked) ? 'it was needed and never looked' : null);
      report[witness] = {
        looked: why === null,
        counted: entries.reduce((sum, { counted }) => sum + counted, 0),
        why,
        required: needed.length > 0,
        waived: this.waived.includes(witness),
      };
    }
    return report;
  }

  private entry(witness: Witness, epoch: number): Entry {
    let byEpoch = this.entries.get(witness);
    if (byEpoch === undefined) this.entries.set(witness, (byEpoch = new Map()));
    let entry = byEpoch.get(epoch);
    if (entry === undefined) byEpoch.set(epoch, (entry = { required: false, looked: false, counted: 0, blind: null }));
    return entry;
  }
}
