// SPDX-License-Identifier: Apache-2.0
// Programs that preserve files themselves: the lab knows nothing of them, and follows each page that they hand over.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { hostSandbox } from '../../../src/sandbox/index.js';
import { labRun, ROOT, why } from '../lab.js';

/** What the kernels themselves know of a memfd of 1 MiB that was just written. */
const INODE = { mode: 0o100777, size: 2 ** 20, seals: 0, position: 2 ** 20 };
const INODES = { before: INODE, after: INODE };

const run = (name: string, options: readonly string[] = []) =>
  labRun(join(ROOT, `scenarios/clients/${name}.yaml`), options);

it('a program that is merely started: its memfd is found in one file again, page for page', async () => {
  const seen = await run('keeper');
  expect(seen.result.outcome, why(seen)).toBe('preserved');
  expect(seen.result.handedOver).toMatchObject([
    {
      epoch: 1,
      blind: null,
      sessions: 1,
      problems: [],
      files: [
        {
          session: 'kept',
          name: '7',
          pages: 256,
          arrived: 256,
          cached: 256,
          state: 'preserved',
          pattern: null,
          ...INODES,
        },
      ],
    },
  ]);
});

// Its types are a stranger's, so they are compiled in the sandbox.
it.skipIf((await hostSandbox()).kind !== 'bwrap')(
  'a kernel from a definition elsewhere, that has the name of another one of the lab',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'lab-clients-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const mine = join(dir, '7.2.12.yaml');
    writeFileSync(
      mine,
      `description: The same as 7.3.4\nbase: ${join(ROOT, 'images/kernels/7.3.4.yaml')}\nbuild: on-demand\n`,
    );
    const seen = await run('keeper', ['--from', mine]);
    expect(seen.result.outcome, why(seen)).toBe('preserved');
    expect(seen.result.kernels.map(({ name }) => name)).toEqual([mine, '7.3.4']);
    expect(seen.result.handedOver).toMatchObject([{ blind: null, files: [{ pages: 256, arrived: 256, ...INODES }] }]);
  },
);

it('a byte that changes at the jump in a program that compares nothing', async () => {
  const seen = await run('keeper-unseen');
  expect([seen.result.outcome, seen.result.cause?.title], why(seen)).toEqual([
    'corrupt',
    'a file that was handed over is corrupt',
  ]);
  expect(seen.result.cause?.detail).toMatch(/^session kept, token 7 .*first page 77 at pfn/);
});

it('a file that comes back longer, with every page as it was', async () => {
  const seen = await run('keeper-longer');
  expect([seen.result.outcome, seen.result.cause?.detail], why(seen)).toEqual([
    'corrupt',
    'session kept, token 7 (memfd-v2, 256 pages): size 1052672, was 1048576',
  ]);
});

// As in kselftest.test.ts.
it("a byte that upstream's own test does not see: it passes, and the verdict is corrupt", { retry: 1 }, async () => {
  const seen = await run('upstream-simple-unseen');
  expect(seen.result.outcome, why(seen)).toBe('corrupt');
  expect(seen.result.cases.map(({ state }) => state)).toEqual(['pass', 'pass']);
  expect(seen.result.handedOver[0]?.files.map(({ session, state }) => [session, state])).toEqual([
    ['test-session', 'corrupt'],
    ['kexec_simple_state', 'released'],
  ]);
});
