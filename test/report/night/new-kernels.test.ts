// SPDX-License-Identifier: Apache-2.0
// A kernel that no earlier night had is marked as new, wherever a night is shown.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdown } from '../../../src/report/ci/markdown.js';
import { writeHtml } from '../../../src/report/html/index.js';
import { newKernelsOf } from '../../../src/report/night/new-kernels.js';
import { matrixText } from '../../../src/report/text/matrix.js';
import { nightText } from '../../../src/report/text/night.js';
import { History } from '../../../src/store/history/index.js';
import { readNightlyReport } from '../../../src/store/matrix/nightly-report.js';
import { temporaryFolder } from '../../util/temporary.js';
import { cellOf, matrixOf } from '../../store/matrix/matrix.js';
import { writeMatrix } from '../../store/run/runs.js';
import { EVIL, nightOf } from '../night.js';

const CELLS = [cellOf('a', 1, ['7.2.12', '7.3.4']), cellOf('a', 2, ['7.3.4', '7.3.5'])];

describe('kernels of a night', () => {
  it('are new if no earlier night had them, and none is in the first night', () => {
    expect(newKernelsOf(CELLS, new Set(['7.2.12', '7.3.4']))).toEqual(['7.3.5']);
    expect(newKernelsOf(CELLS, new Set())).toEqual(['7.2.12', '7.3.4', '7.3.5']);
    expect(newKernelsOf(CELLS, null)).toEqual([]);
  });

  it('are compared with all nights of the history that began earlier, whatever their plan', async () => {
    const results = temporaryFolder();
    const night = (id: string, day: string, kernels: string[], plan: string) =>
      writeMatrix(results, id, [cellOf('a', 1, kernels)], [], { startedAt: `${day}T00:00:00.000Z`, plan });
    night('m1', '2026-11-20', ['7.2.12', '7.2.12'], 'one.yaml');
    night('m2', '2026-11-21', ['7.2.12', '7.3.4'], 'two.yaml');
    night('m3', '2026-11-22', ['7.3.4', '7.3.5'], 'one.yaml');
    const history = await History.open(results);
    const before = (day: string) => history.kernelsBefore(Date.parse(`${day}T00:00:00.000Z`));
    expect(before('2026-11-20')).toBeNull();
    expect(before('2026-11-21')).toEqual(new Set(['7.2.12']));
    expect(before('2026-11-22')).toEqual(new Set(['7.2.12', '7.3.4']));
    history.close();
  });
});

describe('a new kernel', () => {
  const newKernels = ['7.3.4'];
  const line = 'new kernel, in no earlier night: 7.3.4';

  it('is named in what is printed', () => {
    const night = { ...nightOf({ a: ['preserved'] }), newKernels };
    expect(nightText(night, 'x', {})).toContain(line);
    expect(markdown(night, null)).toContain(line);
    expect(matrixText(matrixOf(CELLS), night.pairResults, { folder: 'x', newKernels }, {})).toContain(line);
    expect(nightText(nightOf({ a: ['preserved'] }), 'x', {})).not.toContain('new kernel');
  });

  it('has a mark at its column and its row, and only there', () => {
    const dir = temporaryFolder();
    const page = (names: readonly string[]) => {
      const results = join(dir, 'results');
      const cells = [cellOf('a', 1, ['7.2.12', '7.3.4']), cellOf('a', 1, ['7.3.4', '7.2.12'])];
      writeMatrix(results, 'm1', cells, []);
      const night = { ...readNightlyReport(join(results, 'm1')), newKernels: names };
      writeHtml(join(dir, 'html'), { night, results, diff: null, before: null, bugs: new Map(), notes: [] });
      return readFileSync(join(dir, 'html/index.html'), 'utf8');
    };
    const marks = [...page(newKernels).matchAll(/([^<>]+)<b class="fresh"/g)].map(([, name]) => name);
    // Column and row of the grid, and twice in the table of all scenarios.
    expect(marks).toEqual(
      ['7.3.4', '7.3.4', '→ 7.3.4', '7.3.4'].map((name) => expect.stringContaining(name.slice(-5))),
    );
    expect(page([])).not.toContain('class="fresh"');
    expect(page([EVIL])).not.toContain('<script>alert');
  });
});
