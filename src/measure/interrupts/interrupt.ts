// SPDX-License-Identifier: Apache-2.0
// Interrupts one command at one moment, and says what was not as it should be.
import { mkdirSync, readdirSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../util/package-root.js';
import { type Child, type ChildEnd, startChild } from '../../util/process/child.js';
import { runCommand } from '../../util/process/command.js';
import { removeTemp, makeTemp } from '../../util/process/reaper.js';
import { leftovers, partialIn } from '../endurance/leftovers.js';
import type { FixtureMaker } from './fixtures.js';
import { untilMark, untilTaken, type Watched } from './marks.js';
import type { Moment, Places, Subject, Way } from './table.js';

/** Milliseconds that the first signal leaves, and the second. */
const MAX_END_MS = { 1: 2000, 2: 1000 } as const;
/** Milliseconds that Node needs to start on a host that is not busy. */
const USUAL_START_MS = 60;
/** However slow a host is, it gets no more than this many times the limit. */
const MAX_SLOWNESS = 5;
const MAX_OUTPUT = 64 << 10;
const TAG = 'LAB_INTERRUPTED';

export interface Interrupted {
  ms: number;
  limit: number;
  end: ChildEnd;
  /** What it said that it keeps; or that it ended at once. */
  said: string;
  problems: string[];
}

export async function interrupt(subject: Subject, moment: Moment, way: Way, maker: FixtureMaker): Promise<Interrupted> {
  const fixtures = await maker.make(subject.needs ?? []);
  const limit = MAX_END_MS[way.times] * (await slowness());
  const places = makePlaces();
  try {
    const words = subject.words(places, fixtures);
    const child = startChild([process.execPath, programOf(subject), ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      tie: 'dies-with-lab',
      cwd: places.out,
      env: {
        ...process.env,
        CI: 'true',
        TMPDIR: places.temporary,
        [TAG]: places.dir,
        ...subject.env?.(places, fixtures),
      },
    });
    const { watched, ended } = follow(child, places);
    const came = await untilMark(moment.mark, watched);
    const sent = performance.now();
    send(child, way.signal);
    if (way.times === 2 && (await untilTaken(way.signal, BigInt(constants.signals[way.signal]), watched)))
      send(child, way.signal);
    const { at, ...end } = await ended;
    const ms = at - sent;
    const said = watched.output();
    const problems = came ? [...endProblems(way, end), ...textProblems(way, moment, said)] : ['it ended before'];
    if (ms > limit) problems.push(`it took ${Math.round(ms)} ms, and ${Math.round(limit)} were allowed`);
    problems.push(...(await left(subject, places)));
    return { ms, limit, end, said: summary(said), problems };
  } finally {
    removeTemp(places.dir);
  }
}

/** How much slower this host is now than one without load: by what Node needs to start. */
async function slowness(): Promise<number> {
  const began = performance.now();
  await runCommand([process.execPath, '-e', '0']);
  return Math.min(MAX_SLOWNESS, Math.max(1, (performance.now() - began) / USUAL_START_MS));
}

function makePlaces(): Places {
  const dir = makeTemp(join(tmpdir(), 'lab-interrupts-'));
  const folder = (name: string): string => {
    mkdirSync(join(dir, name));
    return join(dir, name);
  };
  return { dir, temporary: folder('tmp'), results: folder('results'), out: folder('out'), cache: folder('cache') };
}

function programOf({ program }: Subject): string {
  return join(packageRoot(), program === 'corpus' ? 'dist/corpus.js' : 'bin/lab.js');
}

function follow(child: Child, places: Places): { watched: Watched; ended: Promise<ChildEnd & { at: number }> } {
  let output = '';
  let at = 0;
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT)));
  child.stdin?.on('error', () => undefined);
  child.onExit(() => (at = performance.now()));
  const ended = child.ended.then((end) => ({ ...end, at }));
  const watched = { pid: child.pid ?? -1, places, output: () => output, hasEnded: () => at !== 0 };
  return { watched, ended };
}

function send({ pid }: Child, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, signal);
  } catch {
    // It has ended on its own.
  }
}

function endProblems({ status, signal }: Way, end: ChildEnd): string[] {
  const right = status === null ? end.signal === signal : end.code === status;
  return right ? [] : [`it ended with ${end.code ?? end.signal}, not with ${status ?? signal}`];
}

const INTERRUPTED = (signal: string) => new RegExp(`^lab: interrupted by ${signal}; nothing is left behind$`, 'm');

function textProblems({ signal, times, status }: Way, { kept }: Moment, said: string): string[] {
  if (status === null || (times === 2 && said.includes(`${signal} again: ended at once`))) return [];
  if (!INTERRUPTED(signal).test(said)) return [`it does not say that it was interrupted: ${said.slice(-300)}`];
  const lines = keptLines(said);
  return lines.some((line) => kept.test(line))
    ? []
    : [`it says that it keeps ${JSON.stringify(lines)}, and not ${String(kept)}`];
}

function keptLines(said: string): string[] {
  return [...said.matchAll(/^kept: (.*)$/gm)].map(([, line]) => line ?? '');
}

function summary(said: string): string {
  const lines = said.split('\n').filter((line) => /^lab: (not everything|SIG)/.test(line));
  return [...lines, ...keptLines(said).map((line) => `kept: ${line}`)].join('; ');
}

async function left({ program }: Subject, places: Places): Promise<string[]> {
  const { dir, temporary, results, out } = places;
  const found = await leftovers({ tag: `${TAG}=${dir}`, folders: [dir], except: new Set() }, { temporary, results });
  // Images that were pushed whole stay, and so does a journal.
  const outputs = readdirSync(out).filter((name) => /\.(yaml|gz)$/.test(name) && program !== 'corpus');
  return [...found, ...partialIn(out).map((name) => `half-written file left: ${name}`), ...outputs].map(
    (each) => `left: ${each}`,
  );
}
