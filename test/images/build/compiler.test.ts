// SPDX-License-Identifier: Apache-2.0
// The compile command, with the real compiler and the real ccache.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileCommand } from '../../../src/images/build/compiler.js';
import { hostTools } from '../../../src/images/requirements.js';
import { folderWith, workspace } from '../folder.js';

const ready = hostTools(['build']).every((tool) => tool.path !== null);

/** Compiles as kbuild does; reports what ccache did. */
function compile(command: string, dir: string, source: string): { object: Buffer; misses: number } {
  const env = { PATH: process.env['PATH'], CCACHE_DIR: join(dir, 'ccache'), CCACHE_DEPEND: '1', CCACHE_NOHASHDIR: '1' };
  execFileSync(command, ['-Wp,-MMD,x.d', '-c', '-o', 'x.o', source], { cwd: dir, env });
  const stats = execFileSync('ccache', ['--print-stats'], { env, encoding: 'utf8' });
  return { object: readFileSync(join(dir, 'x.o')), misses: Number(/^cache_miss\s+(\d+)$/m.exec(stats)?.[1]) };
}

describe.skipIf(!ready)('the command that compiles', () => {
  it('goes through ccache', () => {
    const command = compileCommand(workspace());
    const dir = folderWith({ 'a.c': 'int a;\n' });
    const first = compile(command, dir, 'a.c');
    const again = compile(command, dir, 'a.c');
    expect([first.misses, again.misses]).toEqual([1, 1]);
    expect(again.object).toEqual(first.object);
  });

  it.each([
    ['a.S', '.section .rodata\n.incbin "packed"\n'],
    ['a.c', '__asm__(".section .rodata\\n.incbin \\"packed\\"\\n.text");\n'],
  ])('takes in a file anew that changed and kept its length: %s', (source, text) => {
    const command = compileCommand(workspace());
    const dir = folderWith({ [source]: text, packed: 'kernel one' });
    expect(compile(command, dir, source).object.includes('kernel one')).toBe(true);
    writeFileSync(join(dir, 'packed'), 'kernel two');
    expect(compile(command, dir, source).object.includes('kernel two')).toBe(true);
  });

  it('is rewritten if it differs', () => {
    const work = workspace();
    const command = compileCommand(work);
    const text = readFileSync(command, 'utf8');
    writeFileSync(command, 'something else');
    expect(compileCommand(work)).toBe(command);
    expect(readFileSync(command, 'utf8')).toBe(text);
  });
});
