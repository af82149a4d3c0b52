// SPDX-License-Identifier: Apache-2.0
// Imports go in one direction. This is the table of docs/architecture.md, enforced.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceFiles, sourceImports, SRC } from './sources.js';

/** What a folder may import besides itself, `model` and `util`. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  model: [],
  util: [],
  scenario: [],
  // Readers of what images tell of themselves.
  images: ['compat', 'sandbox'],
  sandbox: [],
  qemu: ['sandbox'],
  guest: [],
  // A key covers QEMU's arguments.
  // Parts of a run that saves its machine, or starts from a saved one.
  snapshot: ['qemu', 'guest', 'run'],
  console: [],
  compat: [],
  handover: [],
  oracles: ['handover'],
  verdict: [],
  // What data from somebody else may use of this host.
  trust: [],
  host: ['images', 'qemu', 'run', 'sandbox', 'trust'],
  run: ['images', 'qemu', 'sandbox', 'guest', 'console', 'compat', 'handover', 'oracles', 'verdict'],
  store: [],
  report: ['store'],
  perform: ['scenario', 'images', 'qemu', 'snapshot', 'compat', 'coverage', 'handover', 'host', 'run', 'store'],
  matrix: ['scenario', 'images', 'snapshot', 'compat', 'host', 'perform', 'store'],
  repro: [
    'console',
    'scenario',
    'images',
    'handover',
    'qemu',
    'snapshot',
    'guest',
    'compat',
    'host',
    'run',
    'store',
    'perform',
    'matrix',
    'trust',
  ],
  coverage: ['images', 'compat'],
  // A patch series as mails, files or commits; pure but for the reading of files.
  series: [],
  // Inputs made by the lab itself, run and judged in great numbers.
  fuzz: [
    'console',
    'scenario',
    'images',
    'qemu',
    'snapshot',
    'handover',
    'compat',
    'coverage',
    'run',
    'store',
    'perform',
    'repro',
  ],
  cli: [
    'coverage',
    'fuzz',
    'series',
    'scenario',
    'images',
    'qemu',
    'snapshot',
    'guest',
    'console',
    'compat',
    'handover',
    'oracles',
    'verdict',
    'trust',
    'sandbox',
    'host',
    'run',
    'store',
    'report',
    'perform',
    'matrix',
    'repro',
  ],
  // Benchmarks and measured tables: users of the lab, like cli.
  measure: ['images', 'oracles', 'scenario', 'snapshot', 'qemu', 'run', 'perform', 'store'],
};
/** Files that parse JSON themselves, each with a schema, because their messages say what is wrong with it. */
const JSON_PARSERS = [
  'measure/lab.ts',
  'repro/bundle/open.ts',
  'repro/rerun/recipe.ts',
  'store/matrix/folder.ts',
  'store/run/memory-image.ts',
  'store/run/read-run.ts',
  'store/run/run-folder.ts',
  'util/json.ts',
];
/** Folders that touch neither the file system nor processes. */
const PURE = ['model', 'console', 'compat', 'handover', 'oracles', 'verdict', 'trust'];

const imports = sourceImports().map(({ file, target }) => ({ file, from: file.split('/')[0] ?? '', target }));

describe('imports between the folders of src/', () => {
  it('are all read', () => expect(imports.length).toBeGreaterThan(100));

  it('know every folder', () => {
    expect([...new Set(imports.map(({ from }) => from))].filter((folder) => !(folder in ALLOWED))).toEqual([]);
  });

  it('go in one direction only', () => {
    const wrong = imports.filter(({ from, target }) => {
      const to = target.split('/')[0] ?? '';
      if (!(to in ALLOWED) || to === from) return false;
      if (from === 'model') return true;
      if (to === 'model' || (to === 'util' && from !== 'util')) return false;
      return !(ALLOWED[from] ?? []).includes(to);
    });
    expect(wrong).toEqual([]);
  });

  // The probe of the host starts a machine without a run.
  it('reach a run by its index alone', () => {
    const wrong = imports.filter(
      ({ from, target }) => from !== 'run' && from !== 'host' && target.startsWith('run/') && target !== 'run/index.ts',
    );
    expect(wrong).toEqual([]);
  });

  it('start processes in one place only', () => {
    const starters = imports.filter(({ target }) => /^(node:)?(child_process|cluster)$|^execa$/.test(target));
    expect(starters.map(({ file }) => file)).toEqual(['util/process/child.ts']);
  });

  it('of pure folders reach no file, process or socket', () => {
    const wrong = imports.filter(
      ({ from, target }) => PURE.includes(from) && /^node:(fs|child_process|net|os|process)/.test(target),
    );
    expect(wrong).toEqual([]);
  });
});

it('JSON is parsed in few places, and each has a schema: use util/json.ts or util/read-json.ts', () => {
  const parsers = sourceFiles().filter((file) => readFileSync(join(SRC, file), 'utf8').includes('JSON.parse'));
  expect(parsers.sort()).toEqual(JSON_PARSERS);
});
