// SPDX-License-Identifier: Apache-2.0
// A whole run on a fake machine, by a clock that jumps from timer to timer: hours of waiting take no time.
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { Event } from '../../src/model/result/event.js';
import type { KernelImage } from '../../src/model/kernel/image.js';
import type { RunParts } from '../../src/run/machine/parts.js';
import type { RunPlan } from '../../src/run/engine/plan.js';
import { execute } from '../../src/run/engine/execute.js';
import type { RunRecord } from '../../src/run/record/record.js';
import { parseScenario } from '../../src/scenario/index.js';
import { FakeMachine, type Script } from './machine.js';
import { FAKE_FORMAT } from './ram.js';

export interface FakeRun {
  /** Null where the run rejected. */
  record: RunRecord | null;
  error: unknown;
  machine: FakeMachine;
  events: Event[];
  /** Lines to and from agents: `out 1 hello`. */
  agent: string[];
  console: string;
  /** Milliseconds by the clock of the run. */
  ms: number;
  /** Everything that was still open at its end. */
  leftOpen: string[];
}

export interface FakeOptions {
  /** Each event of the run, as it happens. */
  onEvent?: (event: Event, machine: FakeMachine) => void;
  signal?: AbortSignal;
  /** The machine and the ways to it; by default its own. */
  parts?: (machine: FakeMachine) => RunParts;
  plan?: Partial<RunPlan>;
}

/** A run that takes longer by its own clock never ends. */
const MAX_MS = 24 * 3600 * 1000;

export async function runFake(yaml: string, script: Script = {}, options: FakeOptions = {}): Promise<FakeRun> {
  fakeClock();
  const machine = new FakeMachine(script);
  const events: Event[] = [];
  const agent: string[] = [];
  let printed = '';
  try {
    const streams = {
      event: (event: Event) => {
        events.push(event);
        options.onEvent?.(event, machine);
      },
      console: (chunk: Buffer) => void (printed += chunk.toString('latin1')),
      qmp: () => undefined,
      agent: (direction: 'in' | 'out', line: string) => void agent.push(`${direction} ${line}`),
    };
    const ending: { record: RunRecord | null; error: unknown } = { record: null, error: null };
    const over = execute(
      planOf(yaml, options.plan),
      streams,
      options.signal ?? new AbortController().signal,
      options.parts?.(machine) ?? machine.parts,
    ).then(
      (record) => Object.assign(ending, { record }),
      (error: unknown) => Object.assign(ending, { error }),
    );
    await untilOver(over);
    const ms = Date.now();
    const leftOpen = machine.leftOpen;
    const told = events.length;
    // The remaining timers do nothing.
    vi.runAllTimers();
    await quiet();
    if (events.length > told) leftOpen.push(`${events.length - told} events after the end`);
    return { ...ending, machine, events, agent, console: printed, ms, leftOpen };
  } finally {
    machine.ram.remove();
    vi.useRealTimers();
  }
}

/** The clock stands until `untilOver` moves it. */
export function fakeClock(): void {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'hrtime', 'performance'],
    now: 0,
  });
}

/** Waits until everything has happened that can happen without time passing: reads of real files take real time. */
async function quiet(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (process.getActiveResourcesInfo().some((what) => what.startsWith('FSReq') || what === 'Immediate'));
}

/** Moves the clock from timer to timer until the work is over. */
export async function untilOver(over: Promise<unknown>): Promise<void> {
  let isOver = false;
  void over.then(() => (isOver = true));
  for (;;) {
    await quiet();
    if (isOver) return;
    if (vi.getTimerCount() === 0) throw new Error('the run waits for something that has no deadline');
    vi.advanceTimersToNextTimer();
    if (Date.now() > MAX_MS) throw new Error('the run goes on for ever');
  }
}

const HERE = fileURLToPath(import.meta.url);
const SYSTEM_MAP = fileURLToPath(new URL('System.map', import.meta.url));

export function image(name: string): KernelImage {
  return {
    name,
    release: null,
    bzImage: HERE,
    vmlinux: null,
    config: null,
    systemMap: SYSTEM_MAP,
    components: [],
    listed: null,
    versions: [],
    known: true,
    notes: [],
    sha256: '0'.repeat(64),
    cacheDir: null,
  };
}

function planOf(yaml: string, more: Partial<RunPlan> = {}): RunPlan {
  const scenario = parseScenario(yaml, 'fake.yaml');
  return {
    id: 'fake',
    scenario,
    kernels: scenario.kernels.map(image),
    rootfs: { path: HERE, sha256: '0'.repeat(64), size: 4096 },
    accel: 'tcg',
    hostTscKhz: null,
    dir: '/nonexistent',
    formats: scenario.kernels.map(() => FAKE_FORMAT),
    follow: true,
    deviceLooks: true,
    memory: null,
    selftests: scenario.kernels.map(() => null),
    iommuOptions: {},
    saver: null,
    resumed: null,
    ...more,
  };
}
