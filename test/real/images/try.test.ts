// SPDX-License-Identifier: Apache-2.0
// A patch series on the source of a real kernel. What happens to updates: `lab try
// test/real/support/series/rollback.mbox`, which builds three kernels (docs/try.md).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fakeBzImage } from '../../images/binary/make-bzimage.js';
import { lab, ROOT } from '../lab.js';

const dir = mkdtempSync(join(tmpdir(), 'lab-try-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('a series that does not apply: the patch and the hunk are named, and nothing is built or run', async () => {
  const series = readFileSync(join(ROOT, 'test/real/support/series/rollback.mbox'), 'utf8');
  // A line beside the change of the second patch, as another kernel has it.
  const other = series.replace(/^ #define LUO_KHO_ENTRY_NAME\t"LUO"$/m, ' #define LUO_KHO_ENTRY_NAME\t"OLU"');
  expect(other).not.toBe(series);
  const folder = join(dir, 'rollback');
  mkdirSync(folder);
  writeFileSync(join(folder, 'series.mbox'), other);
  const results = join(folder, 'results');
  const { code, stdout } = await lab(['try', join(folder, 'series.mbox'), '--base', '7.3.4', '--results', results]);
  expect(code, stdout).toBe(2);
  expect(stdout).toMatch(/The series does not apply\. Nothing was built\./);
  expect(stdout).toMatch(/Patch 2\/3 "liveupdate: write the LUO state in version 6" does not apply:/);
  expect(stdout).toMatch(/hunk \d of include\/linux\/kho\/abi\/luo\.h/);
  expect(readdirSync(folder)).toEqual(['series.mbox']);
});

/** A tree of one file, which the real compiler compiles, as the base of a series. */
function tinyBase(folder: string): string {
  const tree = join(folder, 'linux-9');
  mkdirSync(join(tree, 'mm'), { recursive: true });
  mkdirSync(join(tree, 'init'));
  writeFileSync(join(tree, 'init/main.c'), 'one\n');
  writeFileSync(join(tree, 'mm/memfd.c'), 'int pages(void)\n{\n\treturn 1;\n}\n\nint files(void)\n{\n\treturn 2;\n}\n');
  writeFileSync(
    join(tree, 'Makefile'),
    'allnoconfig:\n\tcp $(KCONFIG_ALLCONFIG) .config\nolddefconfig:\n\ttrue\n' +
      'bzImage:\n\tgcc -c -o mm/memfd.o mm/memfd.c\n\tmkdir -p arch/x86/boot\n\tcp image arch/x86/boot/bzImage\n' +
      '\tcp strings vmlinux\n\techo > System.map\n',
  );
  writeFileSync(join(tree, 'image'), fakeBzImage({ release: '9.0.0-lab' }));
  writeFileSync(join(tree, 'strings'), '\0kho-v4\0memfd-v2\0');
  execFileSync('tar', ['-C', folder, '-cJf', join(folder, 'linux-9.tar.xz'), 'linux-9']);
  writeFileSync(join(folder, 'a.config'), 'CONFIG_A=y\n');
  const definition = join(folder, 'tiny.yaml');
  writeFileSync(definition, 'sources:\n  - {kind: tarball, path: linux-9.tar.xz}\nconfig: [./a.config]\n');
  return definition;
}

const patch = (number: number, title: string, at: number, from: string, to: string) =>
  `From ${String(number).repeat(40)} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\n` +
  `Subject: [PATCH ${number}/3] ${title}\n\n---\ndiff --git a/mm/memfd.c b/mm/memfd.c\n` +
  '--- a/mm/memfd.c\n+++ b/mm/memfd.c\n' +
  `@@ -${at},3 +${at},3 @@\n {\n-${from}\n+${to}\n }\n-- \n2.39.5\n\n`;

it('a series that does not build: the patch, the file and the words of the compiler, and nothing is run', async () => {
  const folder = join(dir, 'tiny');
  mkdirSync(folder);
  const base = tinyBase(folder);
  const mbox = join(folder, 'series.mbox');
  writeFileSync(
    mbox,
    patch(1, 'mm: more pages', 2, '\treturn 1;', '\treturn 3;') +
      patch(2, 'mm: as many files as there are', 7, '\treturn 2;', '\treturn number_of_files;') +
      patch(3, 'mm: fewer pages', 2, '\treturn 3;', '\treturn 2;'),
  );
  const results = join(folder, 'results');
  const { code, stdout, stderr } = await lab(['try', mbox, '--base', base, '--results', results], {
    LAB_CACHE: join(folder, 'cache'),
  });
  expect(code, `${stdout}${stderr}`).toBe(1);
  expect(stdout).toMatch(/The series does not build\. Nothing was run\./);
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
    'Patch 2/3 "mm: as many files as there are" breaks the build in mm/memfd.c:',
  );
  expect(stdout).toMatch(/mm\/memfd\.c:8:\d+: error: .number_of_files. undeclared/);
  expect(readdirSync(folder)).not.toContain('results');
});
