// SPDX-License-Identifier: Apache-2.0
// Feeds a target and checks the rules: no crash, nothing slower than 100 ms, no growth.
import { parse } from 'yaml';
import { Random } from '../../src/util/random.js';
import { minimise } from './minimise.js';
import { type Finding, isRefusal, type Target } from './target.js';

/** Milliseconds of processor time for one input. */
export const MAX_MS = 100;
/** A sound document of 67 KiB, and how many times its processor time one input may take on a slow host. */
const SOUND = Array.from({ length: 1500 }, (_, i) => `key${i}: {a: 1, b: [x, y, ${i}], c: some text}\n`).join('');
const SOUND_TIMES = 2;
/** A slow input runs again this many times, and the fastest counts: a busy host is not the parser's fault. */
const REPEATS = 3;
/** Inputs between two looks at the heap. */
const PER_SAMPLE = 1000;
const SETTLE_MS = 20;
/** Bytes that the heap may grow by over a whole round, and on average with each input. */
const MAX_GROWTH = 16 << 20;
const MAX_GROWTH_EACH = 64;
/** Findings of one target after which the rest of the round says nothing new. */
const MAX_FINDINGS = 8;

export interface Round {
  seed: number;
  /** First and last number of the inputs. */
  from: number;
  count: number;
  /** Milliseconds of processor time for one input; MAX_MS by default. */
  maxMs?: number;
  /** Stop after this time of `performance.now()`. */
  until?: number;
  onInput?: (number: number) => void;
}

export interface Fed {
  target: string;
  inputs: number;
  accepted: number;
  /** Slowest input in milliseconds of processor time. */
  slowest: number;
  /** Bytes of the heap, after collection, at the start and the end. */
  heap: { first: number; last: number };
  findings: Finding[];
}

export function inputOf(target: Target, seeds: readonly Buffer[], seed: number, number: number): Buffer {
  const random = new Random(seed, target.name, number);
  const [first = Buffer.alloc(0)] = seeds;
  return target.mutate(random.pick(seeds) ?? first, random, seeds).subarray(0, target.maxBytes);
}

type Ended = { kind: 'accepted' | 'refused' } | { kind: 'crash'; detail: string };

export async function feed(target: Target, input: Buffer): Promise<Ended> {
  try {
    // Waiting costs more than most parsers do.
    const given = target.parse(input);
    if (given instanceof Promise) await given;
    return { kind: 'accepted' };
  } catch (error) {
    if (isRefusal(error) || target.refuses?.(error) === true) return { kind: 'refused' };
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: 'crash', detail: detail.slice(0, 2000) };
  }
}

/** MAX_MS, or more where this host is slow now: tests compare speeds, and assert none. */
export async function maxMsHere(): Promise<number> {
  const sound = await fastestMs(() => Promise.resolve(parse(SOUND)));
  return Math.max(MAX_MS, SOUND_TIMES * sound);
}

/** Milliseconds of processor time of one input, the fastest of some. */
export async function cpuMs(target: Target, input: Buffer): Promise<number> {
  return fastestMs(() => feed(target, input));
}

async function fastestMs(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let n = 0; n < REPEATS; n++) {
    const before = process.threadCpuUsage();
    await work();
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

/** Bytes that are in use after a collection. Buffers are given back a moment after the first one. */
async function heapNow(): Promise<number> {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export async function feedRound(target: Target, round: Round): Promise<Fed> {
  const { seed, from, count, maxMs = MAX_MS, until, onInput } = round;
  const seeds = target.seeds();
  const fed: Fed = {
    target: target.name,
    inputs: 0,
    accepted: 0,
    slowest: 0,
    heap: { first: 0, last: 0 },
    findings: [],
  };
  const known = new Set<string>();
  const samples: number[] = [];
  const found = async (
    kind: Finding['kind'],
    input: Buffer,
    detail: string,
    still: (b: Buffer) => Promise<boolean>,
  ) => {
    const key = `${kind} ${detail.split('\n').slice(0, 3).join(' ').replaceAll(/\d+/g, 'N').slice(0, 400)}`;
    if (known.has(key)) return;
    known.add(key);
    fed.findings.push({ target: target.name, kind, input: await minimise(input, still), detail });
  };
  let good = 0;
  for (const each of seeds) {
    const ended = await feed(target, each);
    if (ended.kind === 'accepted') good++;
    if (ended.kind === 'crash') await found('crash', each, ended.detail, () => Promise.resolve(false));
  }
  // Mutations of seeds that are all refused would not get far.
  if (good === 0)
    await found('crash', seeds[0] ?? Buffer.alloc(0), 'no seed is accepted', () => Promise.resolve(false));
  for (let number = from; number < from + count && fed.findings.length < MAX_FINDINGS; number++) {
    if (until !== undefined && performance.now() > until) break;
    onInput?.(number);
    const input = inputOf(target, seeds, seed, number);
    const began = performance.now();
    const ended = await feed(target, input);
    const ms = performance.now() - began;
    fed.inputs++;
    if (ended.kind === 'accepted') fed.accepted++;
    if (ended.kind === 'crash')
      await found('crash', input, ended.detail, async (smaller) => (await feed(target, smaller)).kind === 'crash');
    if (ms > Math.max(fed.slowest, 5)) {
      const cpu = Math.min(ms, await cpuMs(target, input));
      fed.slowest = Math.max(fed.slowest, cpu);
      if (cpu > maxMs)
        await found('slow', input, `${cpu.toFixed(0)} ms for ${input.length} bytes`, async (smaller) => {
          return (await cpuMs(target, smaller)) > maxMs;
        });
    }
    if (globalThis.gc !== undefined && fed.inputs % PER_SAMPLE === 0) samples.push(await heapNow());
  }
  // The first samples fill caches that stay.
  const settled = samples.slice(Math.min(3, Math.max(0, samples.length - 2)));
  fed.heap = { first: settled[0] ?? 0, last: settled.at(-1) ?? 0 };
  const growth = fed.heap.last - fed.heap.first;
  if (growth > MAX_GROWTH && growth > MAX_GROWTH_EACH * fed.inputs)
    fed.findings.push({
      target: target.name,
      kind: 'growth',
      input: Buffer.alloc(0),
      detail: `the heap grew by ${Math.round(growth / 1024)} KiB over ${fed.inputs} inputs`,
    });
  return fed;
}
