// SPDX-License-Identifier: Apache-2.0
// Every shipped scenario on real kernels: the outcome that it promises, the exit status, and evidence from both sides.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ENDS_IN } from '../../src/model/result/outcome.js';
import type { Outcome } from '../../src/model/result/outcome.js';
import type { Result } from '../../src/model/result/result.js';
import { resultSchema } from '../../src/store/run/result-schema.js';
import { labRun, ROOT, why } from './lab.js';

const FOLDER = join(ROOT, 'scenarios');
const FILES = ['events.jsonl', 'console.log', 'qmp.jsonl', 'agent.jsonl', 'qemu.txt', 'scenario.yaml', 'result.json'];

/** What must be seen besides the outcome, where a scenario is about something special. */
const EVIDENCE: Readonly<Record<string, (result: Result) => void>> = {
  'first-update': ({ memory, resources, taint, witnesses }) => {
    expect(taint).toEqual({ before: 0, after: 0, flags: [] });
    // Twice in each kernel at least.
    expect(witnesses.taint?.counted).toBeGreaterThanOrEqual(4);
    expect(memory).toMatchObject({
      pagesPreserved: 16384,
      pagesIntact: 16384,
      pagesLeaked: 0,
      pagesLost: 0,
      pagesCorrupt: 0,
    });
    // 16384 data pages, 64 + 1 for the array of folios, memfd_luo_ser, file block, session block, and the handover's
    // own three.
    expect(memory.updates[0]?.markedOnArrival).toBeGreaterThan(16384 + 64);
    expect(memory.updates[0]?.baseline.map(({ what }) => what).sort()).toEqual([
      'KHO root tree',
      'LUO FLB header',
      'subtree kexec-metadata',
    ]);
    expect(resources[0]).toMatchObject({
      state: 'intact',
      inside: { pages: 16384, bad: 0 },
      outside: { pages: 16384, different: 0 },
    });
  },
  tainted: ({ taint, witnesses, incidents }) => {
    expect(taint).toEqual({ before: 0, after: 512, flags: ['warn'] });
    expect(witnesses.taint).toMatchObject({ looked: true, required: true });
    // Nobody printed a warning: user space wrote the mask.
    expect(incidents.map(({ title }) => title)).toContain('the console and the taint mask disagree');
  },
  'tainted-declared': ({ taint }) => expect(taint).toEqual({ before: 0, after: 512, flags: [] }),
  corrupt: ({ memory, resources }) => {
    expect(memory.pagesCorrupt).toBe(1);
    expect(resources[0]).toMatchObject({ inside: { bad: 1 }, outside: { different: 1 } });
  },
  lost: ({ mismatches, memory, resources }) => {
    expect(mismatches).toContainEqual(
      expect.objectContaining({ component: 'kho', wrote: 3, reads: [4], endsIn: 'reboot' }),
    );
    expect(memory.pagesLost).toBe(memory.pagesPreserved);
    const { overwritten = 0, readable = 0 } = resources[0]?.outside ?? {};
    expect(overwritten + readable).toBe(resources[0]?.pages);
    expect(readable).toBeGreaterThan(0);
  },
  leak: ({ memory, mismatches }) => {
    expect(memory.pagesLeaked).toBeGreaterThan(memory.pagesPreserved);
    expect(mismatches).toContainEqual(expect.objectContaining({ component: 'memfd', wrote: 9, endsIn: 'leak' }));
  },
  panic: ({ cause, mismatches }) => {
    expect(cause?.title).toContain('The incoming tree failed to initialize properly');
    expect(mismatches).toContainEqual(expect.objectContaining({ component: 'luo', reads: [5], endsIn: 'panic' }));
  },
  reboot: ({ incidents }) => expect(incidents.some(({ implies }) => implies === 'panic')).toBe(false),
  hang: ({ cause }) => expect(cause?.source).toBe('deadline'),
  'refused-abort': ({ resources, kernels }) => {
    expect(resources[0]).toMatchObject({ state: 'intact', epoch: 0, inside: { bad: 0 } });
    expect(kernels).toHaveLength(2);
  },
  chain: ({ memory, kernels }) => expect(memory.updates).toHaveLength(kernels.length - 1),
  'many-sessions': ({ resources }) => expect(resources.filter(({ state }) => state === 'intact')).toHaveLength(2000),
  'many-files': ({ resources }) => expect(resources.filter(({ state }) => state === 'intact')).toHaveLength(2000),
};

const scenarios = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => {
    const { expect: wanted } = parse(readFileSync(join(FOLDER, name), 'utf8')) as {
      expect: Outcome | { outcome: Outcome };
    };
    return { name: name.replace('.yaml', ''), outcome: typeof wanted === 'string' ? wanted : wanted.outcome };
  });

describe('shipped scenarios on real kernels', () => {
  it('cover every outcome but infra', () => {
    expect(new Set(scenarios.map(({ outcome }) => outcome))).toEqual(
      new Set(Object.keys(ENDS_IN).filter((outcome) => outcome !== 'infra')),
    );
  });

  it.each(scenarios)('$name: $outcome', async ({ name, outcome }) => {
    const run = await labRun(`scenarios/${name}.yaml`, [], (folder) => {
      for (const file of FILES) expect(existsSync(join(folder, file)), file).toBe(true);
      expect(readFileSync(join(folder, 'scenario.yaml'), 'utf8')).toBe(
        readFileSync(join(FOLDER, `${name}.yaml`), 'utf8'),
      );
    });
    expect(run.result.outcome, why(run)).toBe(outcome);
    expect(run.result.asExpected, why(run)).toBe(true);
    expect(run.result.endsIn).toBe(ENDS_IN[outcome]);
    expect(run.code).toBe(0);
    expect(run.folders).toEqual([run.result.id]);
    resultSchema.parse(run.result);
    // Where both witnesses of restored pages could speak, they agree.
    expect(run.result.incidents.map(({ title }) => title)).not.toContain('the two counts of restored pages disagree');
    EVIDENCE[name]?.(run.result);
  });
});
