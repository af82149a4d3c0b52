// SPDX-License-Identifier: Apache-2.0
// Decides between KVM and emulation. KVM counts as working only after a real kernel has reached user space on it: some
// hosts have a /dev/kvm that opens and runs the firmware, but hangs every stock kernel at its entry.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelImage, RootFs } from '../model/kernel/image.js';
import type { Accel } from '../qemu/args.js';
import { QEMU } from '../qemu/process.js';
import { findProgram } from '../images/index.js';
import { ALWAYS } from '../run/machine/layout.js';
import { Machine } from '../run/machine/machine.js';
import { Recorder } from '../run/engine/recorder.js';
import { startClock } from '../util/clock.js';
import { withLock } from '../util/process/lock.js';
import { removeTemp, makeTemp } from '../util/process/reaper.js';
import { kvmAccess } from './kvm/access.js';
import type { ProbeAnswer } from './kvm/failure.js';
import { type HostIdentity, hostIdentity } from './kvm/identity.js';
import { answersFile, findAnswer, type Question, readAnswers, type StoredAnswer, storeAnswer } from './kvm/memory.js';
import { probeKvm } from './kvm/probe.js';

export interface AccelAnswer {
  accel: Accel;
  why: string;
}

export interface ProbeRequest {
  kernel: KernelImage;
  rootfs: RootFs;
  cacheDir: string;
  signal: AbortSignal;
  /** Called before a probe, which takes a few seconds, and with what is in the way of KVM. */
  report: (text: string) => void;
}

export interface AccelRequest extends ProbeRequest {
  wanted: 'auto' | Accel;
}

/** `kvm` is tried as it is: a run that fails on it says so. */
export async function chooseAccel(request: AccelRequest): Promise<AccelAnswer> {
  if (request.wanted !== 'auto') return { accel: request.wanted, why: 'requested' };
  const access = kvmAccess();
  if (access.state !== 'open') {
    const why = `tcg, because ${access.why}`;
    request.report(access.state === 'denied' ? `${why}: ${access.hint}` : why);
    return { accel: 'tcg', why: access.why };
  }
  const on = await hostIdentity(findProgram(QEMU) ?? QEMU, request.signal);
  const { verdict, why } = await answerFor(on, { ...request, about: 'kvm', probe: () => probeHere(request) });
  return { accel: verdict === 'works' ? 'kvm' : 'tcg', why };
}

export interface AnswerRequest {
  about: Question;
  cacheDir: string;
  signal: AbortSignal;
  report: (text: string) => void;
  probe: () => Promise<ProbeAnswer>;
}

const TRIED: Readonly<Record<Question, string>> = { kvm: 'a kernel', breakpoints: 'a breakpoint' };
const LOCKS: Readonly<Record<Question, string>> = { kvm: 'accel', breakpoints: 'breakpoints' };

/** Returns the stored answer, or asks once for all runs that start at the same time. */
export async function answerFor(on: HostIdentity, request: AnswerRequest): Promise<StoredAnswer> {
  const { about, cacheDir, signal, report, probe } = request;
  const file = answersFile(cacheDir, about);
  const asked = Date.now();
  const known = () => findAnswer(readAnswers(file), on, { now: Date.now(), asked });
  const first = known();
  if (first !== null) return first;
  const onWait = () => report(`another run is trying ${TRIED[about]} on KVM`);
  return withLock(join(cacheDir, 'locks', LOCKS[about]), { signal, onWait }, async () => {
    const meanwhile = known();
    if (meanwhile !== null) return meanwhile;
    report(`trying ${TRIED[about]} on KVM, once for this host`);
    const answer = { ...(await probe()), at: new Date().toISOString(), on };
    signal.throwIfAborted();
    storeAnswer(file, answer);
    return answer;
  });
}

async function probeHere({ kernel, rootfs, signal }: AccelRequest): Promise<ProbeAnswer> {
  const answer = await probeKvm((accel) => startProbe(accel, { kernel, rootfs, signal }));
  // An abort ends the machines, which must not count as a failure of KVM.
  signal.throwIfAborted();
  return answer;
}

/** @param extra further arguments of QEMU */
export async function startProbe(
  accel: Accel,
  { kernel, rootfs, signal }: Pick<ProbeRequest, 'kernel' | 'rootfs' | 'signal'>,
  extra: string[] = [],
): Promise<Machine> {
  signal.throwIfAborted();
  const dir = makeTemp(join(tmpdir(), 'lab-kvm-'));
  const quiet = { event: () => undefined, console: () => undefined, qmp: () => undefined, agent: () => undefined };
  try {
    const machine = await Machine.start(
      {
        name: `lab-probe-${accel}`,
        accel,
        memory: 512 << 20,
        cpus: 1,
        kernel: kernel.bzImage,
        initrd: rootfs.path,
        cmdline: `${ALWAYS} lab.epoch=0`,
        disks: [],
        dir,
        extra,
      },
      new Recorder(startClock(), quiet.event),
      quiet,
    );
    const stop = () => void machine.stop();
    signal.addEventListener('abort', stop, { once: true });
    machine.ended.addEventListener('abort', () => {
      signal.removeEventListener('abort', stop);
      removeTemp(dir);
    });
    return machine;
  } catch (error) {
    removeTemp(dir);
    throw error;
  }
}
