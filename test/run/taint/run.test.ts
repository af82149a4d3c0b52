// SPDX-License-Identifier: Apache-2.0
// Whole runs on the fake machine: how a kernel's taint changes the verdict, and what the verdict is where the mask
// could not be read.
import { describe, expect, it } from 'vitest';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import { runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';
import type { Script } from '../../fakes/machine.js';

const WARN = 1n << 9n;
const yaml = (more = '') => `${updatesOf({ updates: 1 })}\n${more}`;
const warning = [
  '------------[ cut here ]------------',
  'WARNING: mm/foo.c:1 at kho_restore_page+0x1/0x2, CPU#0: agent/1',
  'Call Trace:',
  ' kho_restore_page+0x1/0x2',
  '---[ end trace 0000000000000000 ]---',
]
  .map((line) => `[   12.345678] ${line}\r\n`)
  .join('');

/** The kernel of `epoch` taints itself at its first request. */
function marks(epoch: number, how: { mask?: bigint; says?: string }): Script {
  let done = false;
  return {
    request: (machine, request) => {
      if (done || request.epoch !== epoch) return null;
      done = true;
      if (how.mask !== undefined) machine.ram.taint(how.mask);
      if (how.says !== undefined) machine.say(how.says);
      return null;
    },
  };
}

async function verdictOf(text: string, script: Script = {}, plan: { kernels?: KernelImage[] } = {}) {
  const { record } = await runFake(text, script, { plan });
  return {
    outcome: record?.verdict.outcome,
    taint: record?.taint,
    witness: record?.witnesses.taint,
    titles: record?.incidents.map(({ title }) => title),
  };
}

describe('the taint of a whole run', () => {
  it('is clean, and was read in both kernels', async () => {
    const { outcome, taint, witness } = await verdictOf(yaml());
    expect({ outcome, taint }).toEqual({ outcome: 'preserved', taint: { before: 0, after: 0, flags: [] } });
    expect(witness).toMatchObject({ looked: true, required: true });
    expect(witness?.counted).toBeGreaterThanOrEqual(4);
  });

  it.each([0, 1])('tainted: a kernel that sets a bit and prints nothing (epoch %i)', async (epoch) => {
    const { outcome, titles } = await verdictOf(yaml(), marks(epoch, { mask: WARN }));
    expect(outcome).toBe('tainted');
    expect(titles).toContain('the console and the taint mask disagree');
  });

  it('tainted: a kernel that warns and keeps its mask clean', async () => {
    const { outcome, titles } = await verdictOf(yaml(), marks(1, { says: warning }));
    expect(outcome).toBe('tainted');
    expect(titles).toEqual(['WARNING in kho_restore_page', 'the console and the taint mask disagree']);
  });

  it('does not count taint that the scenario declares', async () => {
    expect(await verdictOf(yaml('taint: [warn]'), marks(1, { mask: WARN, says: warning }))).toMatchObject({
      outcome: 'preserved',
      taint: { after: 512, flags: [] },
    });
    expect(await verdictOf(yaml('taint: [oops]'), marks(1, { mask: WARN, says: warning }))).toMatchObject({
      outcome: 'tainted',
    });
  });

  it('allows no good verdict without this witness, unless the user waives it', async () => {
    const images = ['7.3.0', '7.3.1'].map((name): KernelImage => ({
      name,
      release: null,
      bzImage: import.meta.filename,
      vmlinux: null,
      config: null,
      systemMap: null,
      components: [],
      listed: null,
      versions: [],
      known: true,
      notes: [],
      sha256: name,
      cacheDir: null,
    }));
    const blind = await verdictOf(yaml(), {}, { kernels: images });
    expect(blind).toMatchObject({
      outcome: 'infra',
      witness: { looked: false, why: expect.stringContaining('System.map') },
    });
    expect(blind.titles).toEqual(['the witness "taint" was blind', 'the witness "taint" was blind']);
    expect(await verdictOf(yaml('without: [taint]'), {}, { kernels: images })).toMatchObject({
      outcome: 'preserved',
      witness: { waived: true },
    });
  });
});
