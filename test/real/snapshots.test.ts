// SPDX-License-Identifier: Apache-2.0
// Runs from saved machines, against runs that boot: the same verdict from the same evidence. A snapshot that was
// changed costs a boot and nothing else.
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultCacheDir } from '../../src/images/index.js';
import type { Result } from '../../src/model/result/result.js';
import { snapshotsDir } from '../../src/snapshot/index.js';
import { type LabRun, labRun, why } from './lab.js';

process.env['LAB_SNAPSHOTS'] = 'on';

const UPDATE = 'scenarios/first-update.yaml';

/** Times differ from run to run, and so does where things lie in memory. */
const OF_A_RUN = new Set([
  'id',
  'at',
  't',
  'ms',
  'us',
  'startedAt',
  'durations',
  'lab',
  'timeline',
  'qemu',
  'snapshot',
]);
const OF_MEMORY = new Set(['phys', 'map', 'line']);

function evidence(value: unknown): unknown {
  // What the console says is read a moment later than what an agent says, so incidents of one moment change places.
  if (Array.isArray(value)) return value.map(evidence).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  // The first line says what was found; the console's last lines may follow.
  if (typeof value === 'string') return value.split('\n')[0]?.replace(/0x[0-9a-f]+|\d+ KiB|^\[ *\d+\.\d+\]/g, '*');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OF_A_RUN.has(name) && !OF_MEMORY.has(name))
      .map(([name, inner]) => [name, evidence(inner)]),
  );
}

const rungOf = ({ snapshot }: Result) => (snapshot !== null && 'rung' in snapshot ? snapshot.rung : null);

/** Runs until the run starts from a saved machine: the first one may have to save it. */
async function warm(scenario: string): Promise<LabRun> {
  const first = await labRun(scenario);
  return rungOf(first.result) === null ? labRun(scenario) : first;
}

describe('a run from a saved machine', () => {
  it.each([
    ['carries a file', UPDATE, 'jump'],
    ['finds a damaged handover', 'scenarios/places/files-count-one-more.yaml', 'open'],
    ['has a fault before the jump', 'scenarios/hang.yaml', 'booted'],
  ])('that %s ends as one that boots', async (_, scenario, rung) => {
    const cold = await labRun(scenario, ['--cold']);
    expect(cold.result.snapshot, why(cold)).toEqual({ none: '--cold' });
    const resumed = await warm(scenario);
    expect(rungOf(resumed.result), why(resumed)).toBe(rung);
    expect(resumed.result.outcome, why(resumed)).toBe(cold.result.outcome);
    expect(evidence(resumed.result)).toEqual(evidence(cold.result));
  });

  it('takes at most 150 MiB on disk with 1 GiB of memory, 64 MiB of which are preserved', async () => {
    const { result } = await warm(UPDATE);
    if (result.snapshot === null || !('key' in result.snapshot)) throw new Error('no machine was saved');
    const { blocks } = statSync(join(snapshotsDir(defaultCacheDir()), result.snapshot.key, 'jump.ram'));
    expect(blocks * 512).toBeLessThan(150 << 20);
  });

  it('boots if a byte of the saved memory was changed, and says so', async () => {
    const { result } = await warm(UPDATE);
    if (result.snapshot === null || !('key' in result.snapshot)) throw new Error('no machine was saved');
    const file = openSync(join(snapshotsDir(defaultCacheDir()), result.snapshot.key, 'jump.ram'), 'r+');
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, 0x300_0000);
    writeSync(file, Buffer.from([(byte[0] as number) ^ 1]), 0, 1, 0x300_0000);
    closeSync(file);
    const changed = await labRun(UPDATE);
    expect(changed.result.outcome, why(changed)).toBe('preserved');
    expect(changed.result.snapshot).toEqual({ none: expect.stringContaining('the content of jump.ram was changed') });
    expect(changed.result.timeline[0]?.what).toMatch(/^the snapshot was unusable: /);
    const after = await labRun(UPDATE);
    expect(rungOf(after.result)).toBe('jump');
  });
});
