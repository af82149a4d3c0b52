// SPDX-License-Identifier: Apache-2.0
// A kernel that has bugs on purpose in what it does with returned pages: each check finds its bug, and finds nothing
// where there is none. The kernel whose marks are others must blind the lab, so that nothing good is said of it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { labRun, ROOT, why } from './lab.js';
import { labelled, runLabelled } from './support/labelled.js';

// Upstream's mock FLBs need a kernel of their own; `npm run corpus -- --folder pages` runs that one, too.
it.each(labelled('pages').filter(({ name }) => name !== 'flb.yaml'))(
  '$name: $label.expect.outcome',
  async (scenario) => {
    const { result } = await runLabelled(scenario);
    if (scenario.name === 'control.yaml') {
      expect(result.witnesses['page-state']).toMatchObject({ looked: true, counted: result.memory.pagesPreserved });
    }
    if (scenario.name === 'magic.yaml')
      expect(result.witnesses.marks).toMatchObject({ looked: false, required: true, waived: true });
  },
);

it('is infra where the marks of a kernel are others, and nobody does without them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'lab-pages-'));
  try {
    const path = join(dir, 'magic.yaml');
    writeFileSync(path, readFileSync(join(ROOT, 'scenarios/pages/magic.yaml'), 'utf8').replace(/^without:.*$/m, ''));
    const run = await labRun(path);
    expect(run.result.outcome, why(run)).toBe('infra');
    expect(run.result.cause?.title).toBe('the witness "marks" was blind');
    expect(run.code).toBe(3);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
