// SPDX-License-Identifier: Apache-2.0
// The parts of a run that starts from a ladder of the store.
import { readFileSync } from 'node:fs';
import type { Resumed, RunParts } from '../../run/index.js';
import { readJournal } from '../journal/entry.js';
import { Divergence } from '../journal/replay.js';
import type { Ladder } from '../store/ladder.js';
import { resumeWithQemu } from './qemu.js';
import { Resuming } from './resuming.js';
import type { OpenStages } from './stages.js';

/** Throws the errors of the file system, and a Divergence if the journal is of no use. */
export function resumingFrom(
  ladder: Ladder,
  { stages }: Pick<OpenStages, 'stages'>,
  { base, signal }: { base: RunParts; signal: AbortSignal },
): Resuming {
  const { manifest } = ladder;
  const journal = readJournal(readFileSync(ladder.path(manifest.journal), 'utf8'));
  if (journal === null) throw new Divergence('the journal cannot be read');
  return new Resuming(base, {
    stages,
    boot: manifest.boot,
    console: readFileSync(ladder.path(manifest.console)),
    marks: readFileSync(ladder.path(manifest.marks)),
    journal,
    machine: resumeWithQemu(ladder, signal),
  });
}

/** What the plan of such a run says. */
export function resumedOf({ manifest, rung }: Ladder): Resumed {
  const { key, savedAt, boot } = manifest;
  return { rung, key, savedAt, bootMs: boot.ms };
}
