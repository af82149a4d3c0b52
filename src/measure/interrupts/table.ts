// SPDX-License-Identifier: Apache-2.0
// What is interrupted, and when: commands, the moments of each, and the ways to end a command. Every command meets
// every way at every moment of its own.
import { join } from 'node:path';
import { packageRoot } from '../../util/package-root.js';
import type { Fixtures } from './fixtures.js';

/** The folders of one case. Nothing but `results`, `out` and `cache` may hold anything afterwards. */
export interface Places {
  dir: string;
  /** TMPDIR of the command. */
  temporary: string;
  results: string;
  out: string;
  cache: string;
}

/** A sign that a command has come to a certain point. */
export type Mark =
  /** The process catches SIGHUP, which Node does not do by itself. */
  | { kind: 'catches-signals' }
  /** A QEMU with a machine runs. */
  | { kind: 'machine' }
  /** The command has written this. */
  | { kind: 'output'; text: RegExp }
  /** There is a file below one of the folders whose path matches, and whose text does. */
  | { kind: 'file'; folder: Exclude<keyof Places, 'dir'>; path: RegExp; text?: RegExp };

export interface Moment {
  name: string;
  mark: Mark;
  /** What an orderly end says that it keeps. */
  kept: RegExp;
}

export interface Subject {
  name: string;
  program?: 'lab' | 'corpus';
  words: (places: Places, fixtures: Fixtures) => readonly string[];
  env?: (places: Places, fixtures: Fixtures) => Record<string, string>;
  /** What must be there before it starts. */
  needs?: readonly (keyof Fixtures)[];
  moments: readonly Moment[];
}

export interface Way {
  name: string;
  signal: NodeJS.Signals;
  times: 1 | 2;
  /** Exit status; null where the signal itself ends the process. */
  status: number | null;
}

export const WAYS: readonly Way[] = [
  { name: 'SIGINT', signal: 'SIGINT', times: 1, status: 130 },
  { name: 'SIGINT twice', signal: 'SIGINT', times: 2, status: 130 },
  { name: 'SIGTERM', signal: 'SIGTERM', times: 1, status: 143 },
  { name: 'SIGHUP', signal: 'SIGHUP', times: 1, status: 129 },
  { name: 'SIGKILL', signal: 'SIGKILL', times: 1, status: null },
];

const scenario = (name: string): string => join(packageRoot(), 'scenarios', `${name}.yaml`);

const ONE_MACHINE = ['--jobs', '1', '--times', '1'] as const;
const NOTHING = /^nothing$/;
/** Before a machine starts, what is in the cache stays. */
const CACHE_OR_NOTHING = /^(nothing|what was downloaded)/;

const starts = (kept: RegExp): Moment => ({ name: 'it starts', mark: { kind: 'catches-signals' }, kept });
const machine = (kept: RegExp): Moment => ({ name: 'a machine runs', mark: { kind: 'machine' }, kept });

function event(name: string, text: RegExp, kept = NOTHING): Moment {
  return { name, mark: { kind: 'file', folder: 'results', path: /^\.partial-[^/]+\/events\.jsonl$/, text }, kept };
}

export const SUBJECTS: readonly Subject[] = [
  {
    name: 'run',
    words: ({ results }) => ['run', scenario('first-update'), scenario('corrupt'), '--results', results],
    moments: [
      starts(CACHE_OR_NOTHING),
      { name: 'setting up', mark: { kind: 'output', text: /accelerator: done/ }, kept: CACHE_OR_NOTHING },
      machine(NOTHING),
      event('steps of the first kernel', /"op":"create"/),
      event('the jump', /"kind":"kexec","state":"going"/),
      event('the next kernel is up', /"epoch":1,"kind":"epoch","mark":"ready"/),
      event('judging', /"task":"oracles"/),
      {
        name: 'between two runs',
        mark: { kind: 'output', text: /first-update: .*: done in/ },
        kept: /^the results of 1 of 2 scenarios, in .*; to go on: lab run .*corrupt/,
      },
    ],
  },
  {
    name: 'matrix',
    words: ({ results }) => ['matrix', scenario('matrix/quick'), '--jobs', '1', '--results', results],
    moments: [starts(CACHE_OR_NOTHING), machine(/^\d+ of \d+ cells, in .*; to go on: lab matrix .*--resume/)],
  },
  {
    name: 'worker',
    words: (_, { queue }) => ['worker', '--queue', queue, '--jobs', '1'],
    needs: ['queue'],
    moments: [
      starts(/^(nothing|the unfinished cells)/),
      { name: 'waiting for cells', mark: { kind: 'output', text: /waits for cells/ }, kept: /^the unfinished cells/ },
    ],
  },
  {
    name: 'worker of a matrix',
    words: (_, { busyQueue }) => ['worker', '--queue', busyQueue, '--jobs', '1'],
    needs: ['busyQueue'],
    moments: [machine(/^the unfinished cells/)],
  },
  {
    name: 'minimise',
    words: ({ results, out }) => [
      'minimise',
      scenario('lost'),
      ...ONE_MACHINE,
      '--output',
      join(out, 'min.yaml'),
      '--results',
      results,
    ],
    moments: [
      starts(CACHE_OR_NOTHING),
      machine(NOTHING),
      {
        name: 'the original has run',
        mark: { kind: 'file', folder: 'out', path: /min\.yaml\.answers$/, text: /original/ },
        kept: /^(what is known of the original.*; to go on.*lab minimise|the smallest scenario so far)/,
      },
    ],
  },
  {
    name: 'bisect',
    words: ({ results }) => [
      'bisect',
      scenario('first-update'),
      '--kernels=7.3.4,7.3.4-luo-v6',
      '--good=7.3.4',
      '--bad=7.3.4-luo-v6',
      '--rebuild',
      ...ONE_MACHINE,
      '--results',
      results,
    ],
    moments: [starts(/./), machine(/^\d+ of \d+ points are known; to go on/)],
  },
  {
    name: 'repro',
    words: ({ results }, { run }) => ['repro', run, '--times', '2', '--results', results],
    needs: ['run'],
    moments: [starts(CACHE_OR_NOTHING), machine(NOTHING)],
  },
  {
    name: 'repro of a bundle',
    words: ({ results }, { bundle }) => ['repro', bundle, '--results', results],
    needs: ['bundle'],
    moments: [
      starts(CACHE_OR_NOTHING),
      { name: 'unpacking', mark: { kind: 'file', folder: 'temporary', path: /./ }, kept: CACHE_OR_NOTHING },
    ],
  },
  {
    name: 'bundle',
    words: ({ out }, { run }) => ['bundle', run, '--kernels', '--symbols', '--output', join(out, 'x.lab.tar.gz')],
    needs: ['run'],
    moments: [
      starts(NOTHING),
      { name: 'packing', mark: { kind: 'file', folder: 'out', path: /\.bundle\.tar\.gz$/ }, kept: NOTHING },
    ],
  },
  {
    name: 'images build',
    words: (_, { slowKernel }) => ['images', 'build', join(slowKernel, 'slow.yaml')],
    env: ({ cache }, { slowKernel }) => ({ LAB_CACHE: cache, LAB_IMAGES: slowKernel }),
    needs: ['slowKernel'],
    moments: [
      starts(/^what was downloaded|^nothing/),
      {
        name: 'compiling',
        mark: { kind: 'file', folder: 'cache', path: /^logs\//, text: /CC {6}/ },
        kept: /^what was downloaded, unpacked and compiled/,
      },
    ],
  },
  {
    name: 'images pull',
    words: (_, { store }) => ['images', 'pull', '7.2.12', '7.3.4', '--store', store],
    env: ({ cache }) => ({ LAB_CACHE: cache }),
    needs: ['store'],
    moments: [
      starts(/./),
      {
        name: 'one of two is there',
        mark: { kind: 'output', text: /7\.2\.12: done/ },
        kept: /^1 of 2 images are done; to go on: lab images pull/,
      },
    ],
  },
  {
    name: 'images push',
    words: ({ out }) => ['images', 'push', '7.2.12', '7.3.4', '--store', out],
    moments: [
      starts(/./),
      {
        name: 'one of two is there',
        mark: { kind: 'output', text: /7\.2\.12: done/ },
        kept: /^1 of 2 images are done; to go on: lab images push/,
      },
    ],
  },
  { name: 'check', words: () => ['check', '--from', '7.2.12', '--to', '7.3.4'], moments: [starts(NOTHING)] },
  { name: 'doctor', words: () => ['doctor'], moments: [starts(NOTHING)] },
  {
    name: 'shell',
    words: ({ results }) => ['shell', scenario('control'), '--results', results],
    moments: [
      machine(NOTHING),
      { name: 'at the prompt', mark: { kind: 'output', text: /`exit` lets/ }, kept: NOTHING },
    ],
  },
  {
    name: 'npm run corpus',
    program: 'corpus',
    // Scenarios on kernels that every test needs: a machine is there soon, on a bare host too.
    words: ({ out }) => [
      '--folder',
      'mismatch',
      '--only',
      '/faults/',
      '--runs',
      '1',
      '--journal',
      join(out, 'corpus.jsonl'),
    ],
    moments: [machine(/^\d+ of \d+ runs, in .*corpus\.jsonl; to go on: the same command/)],
  },
];
