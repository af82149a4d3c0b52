// SPDX-License-Identifier: Apache-2.0
// The pieces of a file that transfers use: content that proves something, at addresses that are known.
import { expect, it } from 'vitest';
import { mappedFile, PIECE, placesIn } from '../../../src/run/devices/file-places.js';
import { PAGE, IOVA, PHYS, deviceRun } from './device-run.js';

it('asks only once where the pages are', async () => {
  const run = deviceRun();
  const map = run.device.maps[0]!;
  const file = await mappedFile(run.parts, map);
  expect(file?.runs).toEqual([{ page: 0, pfn: PHYS / PAGE, count: 4 }]);
  expect(await mappedFile(run.parts, map)).toBe(file);
  expect(run.calls).toEqual([['pfns', { file: 's/f' }]]);
});

it('no file or no answer is no place', async () => {
  const refused = deviceRun({ answer: () => ({ ok: false, errno: 'EPERM', at: 'pagemap' }) });
  const map = refused.device.maps[0]!;
  expect(placesIn(map, (await mappedFile(refused.parts, map))!)).toBeNull();
  expect(await mappedFile(refused.parts, { ...map, file: 's/none' })).toBeNull();
});

it('an agent that claims pages which no machine has is not used', async () => {
  const run = deviceRun({ answer: () => ({ data: { runs: [[0, 2 ** 45, 4]] } }) });
  await expect(mappedFile(run.parts, run.device.maps[0]!)).rejects.toThrow('more pages than the machine has');
  expect(run.file.runs).toEqual([]);
});

it('passes over holes at both ends and follows the runs of pages', () => {
  const { device, file, pattern } = deviceRun({ file: ', holes: ["0+1", "3+1"]' });
  file.runs = [
    { page: 1, pfn: 0x900, count: 1 },
    { page: 2, pfn: 0x400, count: 1 },
  ];
  const places = placesIn(device.maps[0]!, file);
  expect(places?.from).toMatchObject({ iova: IOVA + PAGE, phys: 0x900 * PAGE });
  expect(places?.to).toMatchObject({ iova: IOVA + 2 * PAGE + PAGE / 2, phys: 0x400 * PAGE + PAGE / 2 });
  expect(places?.from.content).toEqual(pattern.page(1).subarray(0, PIECE));
  expect(places?.to.content).toEqual(pattern.page(2).subarray(PAGE / 2, PAGE / 2 + PIECE));
});

it('needs both ends: a run that leaves one out is no place', () => {
  const { device, file } = deviceRun();
  file.runs = [{ page: 0, pfn: 0x800, count: 3 }];
  expect(placesIn(device.maps[0]!, file)).toBeNull();
});
