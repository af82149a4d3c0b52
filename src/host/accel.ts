// SPDX-License-Identifier: Apache-2.0
// Decides between KVM and emulation. KVM counts as working only after a real kernel has reached user space on it: some
// hosts have a /dev/kvm that opens and runs the firmware, but hangs every stock kernel at its entry. The answer is
// stored per host.
import { accessSync, constants, mkdtempSync, statSync } from 'node:fs';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { KernelImage, RootFs } from '../model/kernel/image.js';
import { type Accel, ACCELS } from '../qemu/args.js';
import { startClock } from '../util/clock.js';
import { messageOf } from '../util/errors.js';
import { removeTemp, trackTemp } from '../util/process/reaper.js';
import { readJson } from '../util/read-json.js';
import { ALWAYS } from '../run/machine/layout.js';
import { Machine } from '../run/machine/machine.js';
import { Recorder } from '../run/engine/recorder.js';
import { replaceFile } from '../util/replace-file.js';

/** Milliseconds. Hardware boots this kernel in well under a second. */
const PROBE_DEADLINE = 10_000;

const answerSchema = z.object({ accel: z.enum(ACCELS), why: z.string() });
export type AccelAnswer = z.infer<typeof answerSchema>;

/**
 * Chooses the accelerator.
 * @param memoryFile file with the stored answers, by host
 * @param report called before a probe, which takes a few seconds
 */
export async function chooseAccel(
  wanted: 'auto' | Accel,
  kernel: KernelImage,
  rootfs: RootFs,
  memoryFile: string,
  report: (text: string) => void,
): Promise<AccelAnswer> {
  if (wanted !== 'auto') return { accel: wanted, why: 'requested' };
  const blocked = kvmBlocked();
  if (blocked !== null) return { accel: 'tcg', why: blocked };
  const host = `${hostname()} ${release()} ${statSync('/dev/kvm').ino}`;
  const known = rememberedAnswers(memoryFile);
  const answer = known[host];
  if (answer !== undefined) return answer;
  report('trying a kernel on KVM, once for this host');
  const fresh = await probe(kernel, rootfs);
  remember(memoryFile, { ...known, [host]: fresh });
  return fresh;
}

function kvmBlocked(): string | null {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return '/dev/kvm cannot be opened';
  }
}

async function probe(kernel: KernelImage, rootfs: RootFs): Promise<AccelAnswer> {
  const dir = mkdtempSync(join(tmpdir(), 'lab-kvm-'));
  trackTemp(dir);
  let machine: Machine | null = null;
  try {
    const quiet = { event: () => undefined, console: () => undefined, qmp: () => undefined, agent: () => undefined };
    machine = await Machine.start(
      {
        name: 'lab-kvm-probe',
        accel: 'kvm',
        memory: 512 << 20,
        cpus: 1,
        kernel: kernel.bzImage,
        initrd: rootfs.path,
        cmdline: `${ALWAYS} lab.epoch=0`,
        disks: [],
        dir,
        extra: [],
      },
      new Recorder(startClock(), quiet.event),
      quiet,
    );
    await machine.untilReady(0, PROBE_DEADLINE);
    return { accel: 'kvm', why: 'a kernel reached user space on KVM' };
  } catch (error) {
    return { accel: 'tcg', why: `no kernel boots on KVM here: ${messageOf(error).split('\n')[0]}` };
  } finally {
    await machine?.stop();
    machine?.close();
    removeTemp(dir);
  }
}

/** Reads the answers by host; none if the file is missing or damaged. */
export function rememberedAnswers(file: string): Record<string, AccelAnswer> {
  return readJson(file, z.record(z.string(), answerSchema)) ?? {};
}

function remember(file: string, answers: Record<string, AccelAnswer>): void {
  replaceFile(file, JSON.stringify(answers));
}
