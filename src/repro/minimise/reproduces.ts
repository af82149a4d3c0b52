// SPDX-License-Identifier: Apache-2.0
// Whether a candidate fails in the same way, by runs on machines.
import { isNoPlace } from '../../model/result/incident.js';
import type { SnapshotUse } from '../../perform/start.js';
import type { Execute, Seen } from '../rerun/execute.js';
import { type Failure, failureText, sameFailure } from '../rerun/failure.js';
import type { Reproduces } from './search/candidates.js';

export interface ReproducesOptions {
  wanted: Failure;
  execute: Execute;
  /** After this many runs without the failure, it counts as gone. */
  runs: number;
  /** Called for each machine that starts. */
  onMachine: () => void;
}

/** A run in which the lab failed gives no answer. It is retried this many times. */
const INFRA_RETRIES = 2;
/** Each candidate has other steps in its first kernel, so all they have in common is the boot. */
const CANDIDATE: SnapshotUse = 'booted';

export function reproducesFailure({ wanted, execute, runs, onMachine }: ReproducesOptions): Reproduces {
  return async ({ scenario }, signal) => {
    /** One run. If the lab itself fails, it is retried a few times. */
    const runOnce = async (): Promise<Seen> => {
      for (let retries = INFRA_RETRIES; ; retries--) {
        onMachine();
        const seen = await execute(scenario, signal, CANDIDATE);
        if (seen.outcome !== 'infra' || sameFailure(seen, wanted) || isInvalid(seen) || retries === 0) return seen;
      }
    };
    let instead = '';
    for (let run = 0; run < runs; run++) {
      const seen = await runOnce();
      if (sameFailure(seen, wanted)) return { holds: true, instead: '', known: true };
      if (isInvalid(seen)) return { holds: false, instead: seen.title ?? '', known: true };
      if (seen.outcome === 'infra') return { holds: false, instead: `not known: ${failureText(seen)}`, known: false };
      instead = failureText(seen);
    }
    return { holds: false, instead, known: true };
  };
}

/** What a fault was to change is gone from the candidate: another run would end in the same way. */
function isInvalid({ outcome, title }: Seen): boolean {
  return outcome === 'infra' && isNoPlace(title);
}
