// SPDX-License-Identifier: Apache-2.0
// The guard against layouts that change behind their version's back, on real kernels. No kernel is built for it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { AbiDiff } from '../../src/compat/abi/diff.js';
import type { KernelAbi } from '../../src/model/kernel/abi.js';
import { lab } from './lab.js';

const home = mkdtempSync(join(tmpdir(), 'lab-test-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const json = async <T>(...args: string[]): Promise<{ code: number | null; data: T; stderr: string }> => {
  const { code, stdout, stderr } = await lab(['abi', ...args, '--json']);
  if (stdout === '') throw new Error(`lab abi ${args.join(' ')} (exit status ${code}):\n${stderr}`);
  return { code, data: JSON.parse(stdout) as T, stderr };
};

/** Adds a field to what stands for a session, with the version as it is. */
const PATCH = `--- a/include/linux/kho/abi/luo.h
+++ b/include/linux/kho/abi/luo.h
@@ -113,4 +113,5 @@
 struct luo_file_set_ser {
 	u64 files;
+	u64 flags;
 	u64 count;
 } __packed;
`;

describe('lab abi', () => {
  it('tells what a built kernel hands over, to the byte', async () => {
    const { code, data } = await json<KernelAbi & { unknown: string[] }>('show', '7.3.4');
    expect(code).toBe(0);
    expect(data.unknown).toEqual([]);
    expect(data.components.map(({ name, version }) => `${name}-v${version}`)).toEqual([
      'kexec-metadata-v1',
      'kho-v4',
      'luo-v5',
      'memblock-v1',
      'memfd-v2',
      'reserve-mem-v1',
    ]);
    expect(data.complete).toBe(true);
    const sizes = new Map(data.structures?.map(({ name, size }) => [name, size]));
    // Sizes that the lab's own walks through physical memory rely on.
    expect(
      ['luo_ser', 'luo_session_ser', 'luo_file_ser', 'kho_vmalloc_chunk', 'kho_radix_node', 'memfd_luo_folio_ser'].map(
        (name) => sizes.get(name),
      ),
    ).toEqual([32, 80, 64, 4096, 4096, 16]);
    const fields = data.structures
      ?.find(({ name }) => name === 'luo_ser')
      ?.fields.map(({ name, offset }) => [name, offset]);
    expect(fields).toEqual([
      ['compatible', 0],
      ['liveupdate_num', 8],
      ['sessions_pa', 16],
      ['flbs_pa', 24],
    ]);
  });

  it('7.2.12 to 7.3.4: nothing changed', async () => {
    const { code, data, stderr } = await json<AbiDiff>('diff', '7.2.12', '7.3.4');
    expect(code, stderr).toBe(0);
    expect(data).toMatchObject({ ok: true, components: [], structures: [] });
  });

  it('6.17.8 to 6.18.15: the bitmaps grew, and both say kho-v1', async () => {
    const { code, data, stderr } = await json<AbiDiff>('diff', '6.17.8', '6.18.15');
    expect(code, stderr).toBe(1);
    expect(data.structures.filter(({ unannounced }) => unannounced)).toMatchObject([
      { structure: 'kho_mem_phys_bits', covered: { from: 'kho-v1', to: 'kho-v1' } },
    ]);
  });

  it('a patch that changes a layout and not its version is flagged', async () => {
    const patch = join(home, 'flags.patch');
    writeFileSync(patch, PATCH);
    const { code, data, stderr } = await json<AbiDiff>('diff', '7.3.4', '--patch', patch);
    expect(code, stderr).toBe(1);
    expect(data.structures.filter(({ unannounced }) => unannounced).map(({ structure }) => structure)).toEqual([
      'luo_file_set_ser',
      'luo_session_ser',
    ]);
  });

  it.each([
    ['layout-v5', 1, ['luo_session_ser']],
    ['layout-v6', 0, []],
    ['memfd-layout', 1, ['memfd_luo_ser']],
  ])('7.3.4-%s: exit %i', async (variant, status, flagged) => {
    const { code, data, stderr } = await json<AbiDiff>('diff', '7.3.4', `7.3.4-${variant}`);
    expect(code, stderr).toBe(status);
    expect(data.structures.filter(({ unannounced }) => unannounced).map(({ structure }) => structure)).toEqual(flagged);
  });
});
