// SPDX-License-Identifier: Apache-2.0
// Machines for trials: as many at once as the host can run, shared with all labs of this host. No files of a trial are
// kept.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OVERHEAD } from '../../host/capacity.js';
import type { HostSlots } from '../../host/slots.js';
import { MemoryGate } from '../../host/memory-gate.js';
import type { Event } from '../../model/result/event.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { perform, type Performed } from '../../perform/perform.js';
import type { Preparation } from '../../perform/prepare.js';
import type { SnapshotUse } from '../../perform/start.js';
import { bytesText } from '../../util/bytes.js';
import { LabError } from '../../util/errors.js';
import { removeTemp, trackTemp } from '../../util/process/reaper.js';
import { failureOf } from './failure.js';
import type { Execute } from './execute.js';

export interface MachinesOptions {
  preparation: Preparation;
  slots: Pick<HostSlots, 'acquire'>;
  /** Bytes that all machines together may use. */
  memory: number;
  labVersion: string;
}

export interface RunOptions {
  snapshots: SnapshotUse;
  onEvent?: (event: Event) => void;
}

export class Machines {
  private readonly gate: MemoryGate;

  constructor(private readonly options: MachinesOptions) {
    this.gate = new MemoryGate(options.memory);
  }

  readonly execute: Execute = async (scenario, signal, snapshots) => {
    const results = mkdtempSync(join(tmpdir(), 'lab-trial-'));
    trackTemp(results);
    try {
      const { result } = await this.run(scenario, results, signal, { snapshots });
      const suspects = result.resources
        .filter(({ state, problems }) => state !== 'intact' || problems.length > 0)
        .flatMap(({ name, session }) => [name, ...(session === null ? [] : [session])]);
      return { ...failureOf(result), suspects, asExpected: result.asExpected };
    } finally {
      removeTemp(results);
    }
  };

  /** One run that is kept under `results`. */
  async run(
    scenario: Scenario,
    results: string,
    signal: AbortSignal,
    { snapshots, onEvent = () => undefined }: RunOptions,
  ): Promise<Performed> {
    const { preparation, slots, labVersion } = this.options;
    const needs = scenario.machine.memory + OVERHEAD;
    if (this.gate.excludes(needs))
      throw new LabError(
        `the machine needs ${bytesText(needs)} of memory; ` +
          `all machines of this host may use ${bytesText(this.gate.total)}`,
      );
    for (const stage of preparation.stages([scenario])) await stage.run({ detail: () => undefined });
    const leave = await this.gate.enter(needs, signal);
    try {
      const slot = await slots.acquire(signal);
      try {
        return await perform(scenario, preparation.of(scenario), { results, labVersion, signal, snapshots, onEvent });
      } finally {
        slot.release();
      }
    } finally {
      leave();
    }
  }
}
