// SPDX-License-Identifier: Apache-2.0
// Measures the frequency of this host's TSC. An emulated machine's TSC is the host's own, so the lab can tell its
// kernels the frequency: a kernel that measures it on a busy host may get 50 MHz instead of 2600. The lab measures with
// its own small program. It does not read the frequency from a healthy boot, because a machine may print anything, and
// the same load disturbs a boot. It takes 20 ms, so nothing is stored that could belong to another host.
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand } from '../util/process/command.js';
import { packageRoot } from '../util/package-root.js';
import { keyOf } from '../images/cache/cache.js';
import { fileIdentity } from '../images/build/compiler.js';
import { type ImageContext, openWorkspace, type Workspace } from '../images/context.js';
import { findProgram, programPath } from '../images/requirements.js';

/** In kHz. A frequency outside this range is not a TSC's. */
const MIN_KHZ = 200_000;
const MAX_KHZ = 10_000_000;
/**
 * Two measurements that differ by more than this were disturbed. KVM in the machine treats 250 ppm as another frequency
 * (docs/guest-payload.md).
 */
const MAX_DEVIATION = 100e-6;
const ATTEMPTS = 3;
/**
 * The frequency is rounded to this many kHz, far less than its deviation. It is on the kernels' command lines, so two
 * measurements must give the same one: else no run could start from the machine that another one saved.
 */
const STEP_KHZ = 100;

/**
 * Returns the frequency in kHz; null if this host has none: not x86, no compiler, or a TSC that does not run evenly.
 * Kernels then measure it themselves.
 */
export async function hostTscKhz(
  context: ImageContext,
  cpuinfo: () => string = () => readFileSync('/proc/cpuinfo', 'utf8'),
): Promise<number | null> {
  if (arch() !== 'x64' || !runsEvenly(cpuinfo())) return null;
  const work = openWorkspace(context);
  const program = await build(work);
  for (let attempt = 0; program !== null && attempt < ATTEMPTS; attempt++) {
    const { code, stdout } = await runCommand([program], { signal: work.signal, maxOutput: 4096 });
    const khz = code === 0 ? agreed(stdout) : null;
    if (khz !== null) return khz;
  }
  return null;
}

/** A TSC that changes its speed or stops with the processor has no fixed frequency. */
export function runsEvenly(cpuinfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/) ?? [];
  return flags.includes('constant_tsc') && flags.includes('nonstop_tsc');
}

/** Returns the frequency on which two consecutive measurements agree. */
export function agreed(output: string): number | null {
  const [first, second] = (/^(\d{1,10}) (\d{1,10})$/.exec(output.trim()) ?? []).slice(1).map(Number);
  if (first === undefined || second === undefined) return null;
  const khz = (first + second) / 2;
  const good = khz >= MIN_KHZ && khz <= MAX_KHZ && Math.abs(first - second) <= khz * MAX_DEVIATION;
  return good ? Math.round(khz / STEP_KHZ) * STEP_KHZ : null;
}

/**
 * Returns the program, from the cache or compiled; null if that fails. Then kernels are told nothing, and no run fails
 * because of it.
 */
async function build(work: Workspace): Promise<string | null> {
  const source = join(packageRoot(), 'lab/host/tsc.c');
  const gcc = findProgram('gcc');
  if (gcc === null) return null;
  const path = work.cache.program(`tsc-${keyOf(['tsc', fileIdentity(gcc), readFileSync(source, 'utf8')])}`);
  if (existsSync(path)) return path;
  const beside = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  const { code } = await runCommand([gcc, '-O2', '-Wall', '-o', beside, source], {
    signal: work.signal,
    env: { PATH: programPath(), LC_ALL: 'C' },
  });
  if (code !== 0) return null;
  renameSync(beside, path);
  return path;
}
