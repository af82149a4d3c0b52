// SPDX-License-Identifier: Apache-2.0
// What the machine gets: kernels on disks, and the kernel command line of each epoch.
import { statSync } from 'node:fs';
import { hasGuests } from '../../model/scenario/guest.js';
import type { DiskSpec, MachineConfig } from '../../qemu/args.js';
import { LabError } from '../../util/errors.js';
import { imageOf, type LivePlan, type RunPlan } from '../engine/plan.js';
import { movesItself } from '../kernel/shift.js';
import { hardwareCmdline } from './hardware.js';
import { traceEvents } from '../devices/trace.js';

export const INITRD_DISK = 'initrd';
/** lab/init/userspace.c looks for it. */
const USERSPACE_DISK = 'userspace';

/**
 * The command line that every kernel gets.
 * - `console=` and `panic=`: without them the next kernel's evidence is lost.
 * - `earlyprintk=`: shows a kernel that dies before it has a console.
 * - `no_timer_check`: at boot a kernel measures its own timer, and panics if a busy host gave the emulated machine no
 *   processor time just then. That would be the host's fault, not the kernel's.
 * - `nokaslr`: a kernel stays where its symbols say (but see `always()`).
 * - `tsc=nowatchdog`: since 7.1 the clocksource watchdog measures its own time limit with the current clock. Before
 *   "Switched to clocksource tsc-early" that clock is jiffies, which stop while the watchdog waits for another
 *   processor with interrupts off: on a busy host some boots hung there for ever (docs/accuracy.md).
 */
export const ALWAYS = alwaysWith(' nokaslr');
/** For a kernel that may move itself. */
const MOVING = alwaysWith('');

function alwaysWith(place: '' | ' nokaslr'): string {
  const own = 'console=ttyS0 earlyprintk=serial,ttyS0 printk.time=1 panic=-1 no_timer_check tsc=nowatchdog';
  return `${own}${place} kho=on liveupdate=on`;
}

/** Not with guests: QEMU then delivers their interrupts twice, and they hang (docs/guests.md, Records). */
function countsInstructions({ accel, scenario }: RunPlan): boolean {
  return accel === 'tcg' && scenario.machine.icount && !hasGuests(scenario.steps);
}

/** With counted instructions, the TSC counts nanoseconds. */
const COUNTED_KHZ = 1_000_000;

/**
 * Tells an emulated machine's kernel the frequency of the TSC; without counted instructions it is the host's. A kernel
 * that measures it on a busy host gets a wrong value: it starts a timer, loses the processor, and takes the whole time
 * for the timer's. Under KVM, the kernel asks KVM.
 */
function tscOf(plan: RunPlan): string[] {
  const khz = countsInstructions(plan) ? COUNTED_KHZ : plan.accel === 'tcg' ? plan.hostTscKhz : null;
  return khz === null ? [] : [`tsc_early_khz=${khz}`];
}

/** The images that some kexec loads, each once: what was built is told apart by its content. */
function nextImages(plan: RunPlan): { id: string; path: string }[] {
  const images = plan.kernels.slice(1).map((_, i) => nextImage(plan, i + 1));
  return [...new Map(images.map((image) => [image.id, image])).values()];
}

function nextImage(plan: RunPlan, epoch: number): { id: string; path: string } {
  const [kernel, path] = [plan.kernels[epoch], imageOf(plan, epoch)];
  if (kernel === undefined || path === null) throw new LabError(`the scenario names no kernel for epoch ${epoch}`);
  return { id: path === kernel.bzImage ? kernel.sha256 : path, path };
}

export function disksOf(plan: RunPlan): DiskSpec[] {
  const images = nextImages(plan);
  return [
    ...(images.length > 0 ? [{ serial: INITRD_DISK, path: plan.rootfs.path }] : []),
    ...images.map(({ path }, i) => ({ serial: `kernel${i}`, path })),
    ...(plan.userspace === undefined ? [] : [{ serial: USERSPACE_DISK, path: plan.userspace.path }]),
  ];
}

/**
 * With guests, an emulated machine's kernel gets its timer interrupt all the time, and not only when it asks for it:
 * QEMU's SVM now and then loses an interrupt, and the next one makes up for it (docs/guests.md, Records).
 */
function timerOf({ accel, scenario }: RunPlan): string[] {
  return accel === 'tcg' && hasGuests(scenario.steps) ? ['nohz=off', 'highres=off'] : [];
}

/**
 * A kernel that moves itself may do so, unless something was given its addresses before it runs: a debugger, or the
 * reader of QEMU's log.
 */
function always(plan: LivePlan, epoch: number): string {
  const kernel = plan.kernels[epoch];
  const isFixed = plan.coverage !== undefined || plan.onBreakpoint !== undefined;
  return kernel !== undefined && !isFixed && movesItself(kernel) ? MOVING : ALWAYS;
}

export function cmdlineOf(plan: LivePlan, epoch: number): string {
  const reserve = plan.scenario.reserveMem.map(({ name, size }) => `reserve_mem=${size}:4096:${name}`);
  return [
    always(plan, epoch),
    ...tscOf(plan),
    ...timerOf(plan),
    ...hardwareCmdline(plan.scenario.hardware),
    ...reserve,
    `lab.epoch=${epoch}`,
    plan.scenario.cmdlines[epoch] ?? '',
  ]
    .join(' ')
    .trim();
}

export function nextKernel(plan: LivePlan, epoch: number): { kernelDisk: string; kernelSize: number; cmdline: string } {
  const { id, path } = nextImage(plan, epoch);
  const index = nextImages(plan).findIndex((image) => image.id === id);
  return { kernelDisk: `kernel${index}`, kernelSize: statSync(path).size, cmdline: cmdlineOf(plan, epoch) };
}

/** A client that ends leaves its port to the next one, so this is enough. */
function clientPorts({ scenario }: LivePlan): number {
  return 1 + new Set(scenario.steps.flatMap((step) => (step.op === 'client' ? [step.client] : []))).size;
}

/** Steps that run a command over SSH. */
const COMMANDS: ReadonlySet<string> = new Set(['exec', 'upload', 'kselftest']);

/**
 * The port of the agent that starts the SSH server, behind those of the clients: a client that is busy or dead keeps
 * nobody from logging in. Null if nothing in the run needs a session.
 */
export function sshAgentPort(plan: LivePlan): number | null {
  const needed = plan.onBreakpoint !== undefined || plan.scenario.steps.some(({ op }) => COMMANDS.has(op));
  return needed ? clientPorts(plan) : null;
}

/** Room for the memory modules that steps add. */
function modulesOf({ scenario: { steps } }: LivePlan): Pick<MachineConfig, 'modules'> {
  const sizes = steps.flatMap((step) => (step.op === 'hotplug-memory' ? [step.size] : []));
  return sizes.length === 0
    ? {}
    : { modules: { slots: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) } };
}

export function machineConfig(plan: LivePlan): MachineConfig {
  const [first] = plan.kernels;
  if (first === undefined) throw new LabError('the scenario names no kernel');
  const { machine } = plan.scenario;
  return {
    name: `lab-${plan.id}`,
    accel: plan.accel,
    memory: machine.memory,
    cpus: machine.cpus,
    ...(machine.numa === undefined ? {} : { numa: machine.numa }),
    ...modulesOf(plan),
    icount: countsInstructions(plan),
    ...(machine.seed === undefined ? {} : { seed: machine.seed }),
    kernel: first.bzImage,
    initrd: plan.rootfs.path,
    cmdline: cmdlineOf(plan, 0),
    disks: disksOf(plan),
    agents: clientPorts(plan) + (sshAgentPort(plan) === null ? 0 : 1),
    dir: plan.dir,
    hardware: plan.scenario.hardware,
    iommuOptions: plan.iommuOptions,
    trace: plan.deviceLooks ? traceEvents(plan.scenario.hardware) : [],
    ...(plan.coverage === undefined ? {} : { coverage: plan.coverage }),
    extra: machine.qemuArgs,
  };
}
