// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import type { Rung } from '../../../src/model/result/snapshot.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { saveBeforeUserSpace } from '../../../src/run/update/next-kernel-rungs.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { deferred } from '../../../src/util/deadline.js';
import { FakeControl, fakePlan, fakeRecorder, NO_MEMORY } from '../../fakes/parts.js';
import { temporaryFolder } from '../../util/temporary.js';

const JUMP = 0x1000n;
const MAP = 'ffffffff81000000 T kho_populate\nffffffff81000100 t liveupdate_early_init\n';

/** A stub whose machine stops at the addresses in `stops`, and else runs until its user space is ready. */
function prepared(wanted: readonly Rung[], stops: readonly bigint[], map = MAP) {
  const systemMap = join(temporaryFolder(), 'System.map');
  writeFileSync(systemMap, map);
  const done: string[] = [];
  const ready = deferred<unknown>();
  let at = JUMP;
  const note = (what: string) => void done.push(what);
  const stub = {
    breakAt: async (linear: bigint) => note(`set ${(at = linear).toString(16)}`),
    clearBreak: async (linear: bigint) => note(`clear ${linear.toString(16)}`),
    runUntilStop: async () => {
      if (stops.includes(at)) return;
      ready.resolve({});
      await new Promise(() => undefined);
    },
    runAlone: async () => undefined,
    detach: async () => undefined,
  };
  const { recorder, events } = fakeRecorder();
  const kernel: Partial<KernelImage> = { name: 'b', systemMap };
  const parts = {
    plan: fakePlan(parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml'), {
      kernels: [kernel as KernelImage, { ...kernel } as KernelImage],
      saver: {
        booted: () => undefined,
        wants: (rung) => wanted.includes(rung),
        save: async (rung) => (note(`save ${rung}`), null),
      },
    }),
    recorder,
    machine: Object.assign(new FakeControl({ ...NO_MEMORY, write: () => false }), { untilReady: () => ready.promise }),
    deadlines: new Deadlines(null),
  };
  return { go: () => saveBeforeUserSpace(parts, stub, JUMP), done, events };
}

it('stops the next kernel at each function, and never stands at a breakpoint when it goes on', async () => {
  const { go, done } = prepared(['kho', 'luo'], [0xffffffff81000000n, 0xffffffff81000100n]);
  await go();
  expect(done).toEqual([
    'clear 1000',
    'set ffffffff81000000',
    'save kho',
    'clear ffffffff81000000',
    'set ffffffff81000100',
    'save luo',
  ]);
});

it('a kernel that does not come by is not saved there', async () => {
  const { go, done, events } = prepared(['kho', 'luo'], [0xffffffff81000100n]);
  await go();
  expect(done).toEqual(['clear 1000', 'set ffffffff81000000']);
  expect(events).toMatchObject([{ rung: 'kho', why: 'the next kernel does not run kho_populate()' }]);
});

it('a kernel without the function is saved at the other one', async () => {
  const { go, done, events } = prepared(['kho', 'luo'], [0xffffffff81000000n], MAP.split('\n')[0]);
  await go();
  expect(done).toEqual(['clear 1000', 'set ffffffff81000000', 'save kho']);
  expect(events).toMatchObject([
    { rung: 'kho', state: 'saved' },
    { rung: 'luo', state: 'not-saved' },
  ]);
});

it('a run that saves neither leaves the stub alone', async () => {
  const { go, done, events } = prepared(['jump', 'open'], []);
  await go();
  expect([done, events]).toEqual([[], []]);
});
