// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAMS, sourcesOf } from '../../../src/images/build/programs.js';

let lab: string;
beforeEach(() => {
  lab = mkdtempSync(join(tmpdir(), 'lab-programs-test-'));
});
afterEach(() => rmSync(lab, { recursive: true, force: true }));

function put(...names: string[]): void {
  for (const name of names) {
    mkdirSync(join(lab, name, '..'), { recursive: true });
    writeFileSync(join(lab, name), '');
  }
}

describe('the source files of a program', () => {
  it('are found in sub-folders too, and distinguished by their folder', () => {
    put('p/main.c', 'p/wire/list.c', 'p/vfio/list.c', 'p/vfio/list.h', 'p/README.md', 'other/x.c', 'shared/layout.h');
    const program = { folder: 'p', path: 'bin/p', also: ['shared/layout.h'], flags: [] };
    expect(sourcesOf(program, lab)).toEqual(
      ['p/main.c', 'p/vfio/list.c', 'p/vfio/list.h', 'p/wire/list.c', 'shared/layout.h'].map((name) => ({
        path: join(lab, name),
        name,
      })),
    );
  });

  it('include the linker script', () => {
    put('p/main.c', 'p/p.ld');
    expect(
      sourcesOf({ folder: 'p', path: 'p', also: [], flags: [], script: 'p.ld' }, lab).map(({ name }) => name),
    ).toEqual(['p/main.c', 'p/p.ld']);
  });

  it('must not be empty', () => {
    put('p/only.h');
    expect(() => sourcesOf({ folder: 'p', path: 'p', also: [], flags: [] }, lab)).toThrow('no .c file in');
  });

  it('cover the whole agent', () => {
    const agent = PROGRAMS.find(({ folder }) => folder === 'agent');
    const names = agent ? sourcesOf(agent).map(({ name }) => name) : [];
    expect(names).toEqual(
      expect.arrayContaining([
        'agent/main.c',
        'agent/wire/reply.c',
        'agent/vmm/vcpu.c',
        'agent/compat.h',
        'guest/bare/layout.h',
      ]),
    );
  });
});
