// SPDX-License-Identifier: Apache-2.0
// Which shipped scenarios can do with the small variant of their kernels.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { extentOf } from '../../src/perform/extent.js';
import { loadScenario } from '../../src/scenario/index.js';

const folder = fileURLToPath(new URL('../../scenarios', import.meta.url));
const extent = async (path: string) => extentOf(await loadScenario(join(folder, path), {}));

it.each(['first-update', 'leak', 'panic', 'corrupt', 'refused-abort', 'many-files', 'reserve-mem'])(
  '%s can do with small kernels',
  async (name) => expect(await extent(`${name}.yaml`)).toBe('core'),
);

it.each(['guests', 'devices', 'kselftest'])('all of %s/ needs full kernels', async (sub) => {
  const files = readdirSync(join(folder, sub)).filter((name) => name.endsWith('.yaml'));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect([file, await extent(join(sub, file))]).toEqual([file, 'full']);
});

it('a command, a QEMU argument and a kernel parameter may need anything', async () => {
  const plain = await loadScenario(join(folder, 'first-update.yaml'), {});
  const command = { op: 'exec', command: 'true', status: 0, stdout: null, timeout: 1 } as const;
  const [step] = plain.steps;
  expect(extentOf({ ...plain, steps: [...plain.steps, { ...(step as typeof step & object), ...command }] })).toBe(
    'full',
  );
  expect(extentOf({ ...plain, machine: { ...plain.machine, qemuArgs: ['-s'] } })).toBe('full');
  expect(extentOf({ ...plain, cmdlines: ['', 'nokaslr'] })).toBe('full');
});
