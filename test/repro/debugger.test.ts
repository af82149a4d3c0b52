// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { movedFunctions } from '../../src/images/index.js';
import { debuggerLines } from '../../src/repro/shell/debugger.js';
import { temporaryFolder } from '../util/temporary.js';

const kernel = { name: '7.3.4', vmlinux: '/some where/vmlinux', why: null };

describe('the lines for a debugger', () => {
  it('can be pasted, with a breakpoint in the next kernel', () => {
    const lines = debuggerLines('/tmp/x/gdb.sock', { ...kernel, name: '7.2.12' }, kernel, 'luo_init').join('\n');
    expect(lines).toContain(
      `gdb '/some where/vmlinux' -ex 'target remote /tmp/x/gdb.sock' -ex 'hbreak luo_init' -ex continue`,
    );
  });
  it('say where there are no lines, and of the last kernel no next one', () => {
    const lines = debuggerLines('/s', { ...kernel, vmlinux: null, why: 'ready-made' }, null, 'x').join('\n');
    expect(lines).toContain('no source lines: ready-made');
    expect(lines).not.toContain('hbreak');
  });
});

describe('two builds of a kernel', () => {
  const moved = (a: string, b: string) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'a'), a);
    writeFileSync(join(dir, 'b'), b);
    return movedFunctions(join(dir, 'a'), join(dir, 'b'));
  };
  const one = 'ffffffff81000000 T start\nffffffff81000010 t inner\nffffffff82000000 D data\n';
  it('are one where all functions are where they were', () =>
    expect(moved(one, 'ffffffff81000000 T start\nffffffff81000010 t inner\nffffffff82000008 D data\n')).toBeNull());
  it('are two where one moved', () =>
    expect(moved(one, 'ffffffff81000000 T start\nffffffff81000020 t inner\n')).toContain(
      '1 of 2 functions lie elsewhere, such as inner',
    ));
});
