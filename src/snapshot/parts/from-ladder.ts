// SPDX-License-Identifier: Apache-2.0
// The parts of a run that starts from a ladder of the store.
import { readFileSync } from 'node:fs';
import type { Resumed, RunParts } from '../../run/index.js';
import { type Entry, readJournal } from '../journal/entry.js';
import { Divergence } from '../journal/replay.js';
import type { Ladder } from '../store/ladder.js';
import { readStateOf, resumeWithQemu } from './qemu.js';
import { Resuming } from './resuming.js';
import type { OpenStages } from './stages.js';

/** What a ladder says about the time before its rungs. */
export interface LadderContents {
  console: Buffer;
  marks: Buffer;
  journal: readonly Entry[];
}

/** Throws the errors of the file system, and a Divergence if the journal is of no use. */
export function readContents(ladder: Ladder): LadderContents {
  const { manifest } = ladder;
  const journal = readJournal(readFileSync(ladder.path(manifest.journal), 'utf8'));
  if (journal === null) throw new Divergence('the journal cannot be read');
  return {
    console: readFileSync(ladder.path(manifest.console)),
    marks: readFileSync(ladder.path(manifest.marks)),
    journal,
  };
}

export interface ResumeContents {
  stages: Pick<OpenStages, 'stages'>;
  base: RunParts;
  signal: AbortSignal;
  readState: () => Promise<Buffer>;
}

/** Throws a Divergence if the journal does not fit the rung. */
export function resumeContents(
  ladder: Ladder,
  contents: LadderContents,
  { stages: { stages }, base, signal, readState }: ResumeContents,
): Resuming {
  const machine = resumeWithQemu(ladder, { signal, readState });
  return new Resuming(base, { stages, boot: ladder.manifest.boot, ...contents, machine });
}

/** Throws the errors of the file system, and a Divergence if the journal is of no use. */
export function resumingFrom(
  ladder: Ladder,
  stages: Pick<OpenStages, 'stages'>,
  { base, signal }: { base: RunParts; signal: AbortSignal },
): Resuming {
  return resumeContents(ladder, readContents(ladder), { stages, base, signal, readState: readStateOf(ladder) });
}

/** What the plan of such a run says. */
export function resumedOf({ manifest, rung }: Ladder): Resumed {
  const { key, savedAt, boot } = manifest;
  return { rung, key, savedAt, bootMs: boot.ms };
}
