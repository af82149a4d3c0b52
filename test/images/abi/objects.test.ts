// SPDX-License-Identifier: Apache-2.0
// From a source tree to the handover's format, with a tree that compiles in a moment instead of seconds.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diffAbi } from '../../../src/compat/abi/diff.js';
import { touchedBy } from '../../../src/images/abi/tree.js';
import type { ImageContext } from '../../../src/images/context.js';
import { kernelAbi } from '../../../src/images/abi/kernel-abi.js';
import { hostSandbox } from '../../../src/sandbox/index.js';
import { LabError, UsageError } from '../../../src/util/errors.js';
import { compileC } from '../../compat/binary/objects.js';
import { fakeBzImage } from '../binary/make-bzimage.js';
import { folderWith, temporaryFolder } from '../folder.js';

const MAKEFILE = `COUNT := COUNTFILE
allnoconfig:
	@mkdir -p include/config; echo 9.0.0-small > include/config/kernel.release
	@grep -v LIVEUPDATE .lab-asked.config > .config; [ -z "$(wildcard no-kho)" ] || : > .config
%.o: %.c
	@echo $@ >> $(COUNT)
	@gcc -c -gdwarf-5 $(KCFLAGS) -Iinclude -o $@ $<
`;
const TREE: Record<string, string> = {
  Kconfig: '',
  Kbuild: '',
  README: 'one\ntwo\nthree\n',
  'include/linux/types.h': 'typedef unsigned long long u64;\n',
  'include/linux/kho/abi/luo.h':
    '#define LUO_ABI_COMPATIBLE "luo-v5"\nstruct luo_ser {\n\tu64 sessions_pa;\n\tu64 flbs_pa;\n};\n',
  'kernel/kexec_handover.c':
    '#include <linux/types.h>\n#define KHO_FDT_COMPATIBLE "kho-v1"\nstruct kho_mem_phys_bits {\n' +
    '\tu64 preserve[64];\n};\n',
  'drivers/deep/far.c': 'int far;\n',
  'drivers/deep/Kconfig': '',
  'sound/never.c': 'error\n',
};
const PATCH = `--- a/include/linux/kho/abi/luo.h
+++ b/include/linux/kho/abi/luo.h
@@ -1,5 +1,6 @@
 #define LUO_ABI_COMPATIBLE "luo-v5"
 struct luo_ser {
 	u64 sessions_pa;
+	u64 more;
 	u64 flbs_pa;
 };
--- a/drivers/deep/far.c
+++ b/drivers/deep/far.c
@@ -1 +1 @@
-int far;
+int near;
--- /dev/null
+++ b/include/linux/kho/abi/fresh.h
@@ -0,0 +1,2 @@
+#define FRESH_COMPATIBLE "fresh-v1"
+struct fresh_ser { u64 x; };
`;

function lab(more: Record<string, string> = {}) {
  const dir = temporaryFolder();
  const count = join(dir, 'count');
  const tree = join(dir, 'linux');
  for (const [name, text] of Object.entries({ ...TREE, Makefile: MAKEFILE.replace('COUNTFILE', count), ...more })) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }
  writeFileSync(join(dir, 'fix.patch'), PATCH);
  const context: ImageContext = {
    cacheDir: join(dir, 'cache'),
    jobs: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  };
  return {
    dir,
    tree,
    context,
    patch: join(dir, 'fix.patch'),
    compiled: () => (existsSync(count) ? readFileSync(count, 'utf8').trim().split('\n') : []),
  };
}

const list = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
const text = (components: readonly { name: string; version: number; from: string }[]) =>
  components.map(({ name, version, from }) => `${name}-v${version} ${from}`);

async function failure(promise: Promise<unknown>): Promise<LabError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LabError);
  return error as LabError;
}

describe('a source tree', () => {
  it('gives versions and layouts from its headers and sources, and is not changed', async () => {
    const box = lab();
    const before = list(box.tree);
    const abi = await kernelAbi(box.tree, [], box.context);
    expect(text(abi.components)).toEqual(['kho-v1 source', 'luo-v5 source']);
    expect(abi.structures?.map(({ name, size, file }) => [name, size, file])).toEqual([
      ['kho_mem_phys_bits', 512, 'kernel/kexec_handover.c'],
      ['luo_ser', 16, 'include/linux/kho/abi/luo.h'],
    ]);
    expect(abi).toMatchObject({
      release: '9.0.0-small',
      complete: true,
      notes: [expect.stringContaining('versions are those of the source')],
    });
    expect(list(box.tree)).toEqual(before);
    expect(readdirSync(join(box.dir, 'cache/build'))).toEqual([]);
  });

  it('is compiled once, and again after a relevant change', async () => {
    const box = lab();
    await kernelAbi(box.tree, [], box.context);
    await kernelAbi(box.tree, [], box.context);
    writeFileSync(join(box.tree, 'sound/never.c'), 'another error');
    await kernelAbi(box.tree, [], box.context);
    expect(box.compiled()).toHaveLength(2);
    writeFileSync(
      join(box.tree, 'kernel/kexec_handover.c'),
      `${TREE['kernel/kexec_handover.c']}struct kho_new { u64 x; };\n`,
    );
    expect((await kernelAbi(box.tree, [], box.context)).structures).toHaveLength(3);
    expect(box.compiled()).toHaveLength(4);
  });

  it('is compiled once by two labs at the same time', async () => {
    const box = lab();
    const [a, b] = await Promise.all([kernelAbi(box.tree, [], box.context), kernelAbi(box.tree, [], box.context)]);
    expect(a).toEqual(b);
    expect(box.compiled()).toHaveLength(2);
  });

  it('with a patch gives the patched types, including files that only the patch needs', async () => {
    const box = lab();
    const before = await kernelAbi(box.tree, [], box.context);
    const after = await kernelAbi(box.tree, [box.patch], box.context);
    expect(after.structures?.map(({ name }) => name)).toEqual(['fresh_ser', 'kho_mem_phys_bits', 'luo_ser']);
    const diff = diffAbi(before, after);
    expect(diff.ok).toBe(false);
    expect(diff.structures.filter(({ unannounced }) => unannounced)).toMatchObject([
      { structure: 'luo_ser', covered: { from: 'luo-v5', to: 'luo-v5' } },
    ]);
    writeFileSync(
      box.patch,
      PATCH.replace(
        ' #define LUO_ABI_COMPATIBLE "luo-v5"',
        '-#define LUO_ABI_COMPATIBLE "luo-v5"\n+#define LUO_ABI_COMPATIBLE "luo-v6"',
      ),
    );
    expect(diffAbi(before, await kernelAbi(box.tree, [box.patch], box.context)).ok).toBe(true);
    expect(readFileSync(join(box.tree, 'drivers/deep/far.c'), 'utf8')).toBe('int far;\n');
  });

  it('with a patch that does not apply or exist is an error', async () => {
    const box = lab();
    writeFileSync(box.patch, PATCH.replace('sessions_pa', 'nowhere'));
    expect((await failure(kernelAbi(box.tree, [box.patch], box.context))).message).toContain(
      'fix.patch does not apply',
    );
    expect(await failure(kernelAbi(box.tree, [join(box.dir, 'no.patch')], box.context))).toBeInstanceOf(UsageError);
    expect(readdirSync(join(box.dir, 'cache/build'))).toEqual([]);
  });

  it('with a header that does not compile is an error with the line', async () => {
    const box = lab({ 'include/linux/kho/abi/bad.h': 'struct bad_ser { nonsense x; };\n' });
    const error = await failure(kernelAbi(box.tree, [], box.context));
    expect(error.message).toContain('the headers of the handover do not compile');
    expect(error.detail).toContain('bad.h:1');
  });

  it('with a source that does not compile gives the rest and says that it is incomplete', async () => {
    const box = lab({ 'kernel/liveupdate/luo_bad.c': 'struct luo_bad_ser {\n\tnonsense x;\n};\n' });
    const abi = await kernelAbi(box.tree, [], box.context);
    expect(abi.structures).toHaveLength(2);
    expect(abi.complete).toBe(false);
    expect(abi.notes.join('\n')).toContain('kernel/liveupdate/luo_bad.c does not compile');
    expect(diffAbi(abi, abi).ok).toBe(null);
  });

  it('without KHO has nothing that crosses a kexec', async () => {
    const box = lab({ 'no-kho': '' });
    expect(await kernelAbi(box.tree, [], box.context)).toMatchObject({
      components: [],
      structures: [],
      complete: true,
      notes: ['CONFIG_KEXEC_HANDOVER cannot be set: nothing crosses a kexec'],
    });
  });

  it('that is damaged in the cache is compiled again', async () => {
    const box = lab();
    const abi = await kernelAbi(box.tree, [], box.context);
    for (const key of readdirSync(join(box.dir, 'cache/abi')))
      rmSync(join(box.dir, 'cache/abi', key, 'kernel_lab_abi_probe.o'));
    expect(await kernelAbi(box.tree, [], box.context)).toEqual(abi);
    expect(box.compiled()).toHaveLength(4);
  });
});

// It is a stranger's, so its headers are compiled in the sandbox.
describe.skipIf((await hostSandbox()).kind !== 'bwrap')('a definition', () => {
  it('is read with its patches and overlays, and needs no kernel', async () => {
    const box = lab({ 'drivers/deep/added.c': '#include <linux/types.h>\n' });
    mkdirSync(join(box.dir, 'over/drivers/own'), { recursive: true });
    mkdirSync(join(box.dir, 'over/drivers/deep'), { recursive: true });
    writeFileSync(
      join(box.dir, 'over/drivers/deep/added.c.append'),
      '#include <linux/kho/abi/luo.h>\nstruct added_ser {\n\tu64 a;\n};\n',
    );
    writeFileSync(
      join(box.dir, 'over/drivers/own/obj.c'),
      '#include <linux/types.h>\n#include <linux/kho/abi/luo.h>\n#define OBJ_COMPATIBLE "obj-v3"\n' +
        'struct obj_ser {\n\tu64 a;\n};\n',
    );
    writeFileSync(join(box.dir, 'a.config'), 'CONFIG_KEXEC_HANDOVER=y\n');
    const file = join(box.dir, 'k.yaml');
    writeFileSync(
      file,
      'sources: [{kind: directory, path: linux}]\nconfig: [./a.config]\npatches: [fix.patch]\noverlay: [over]\n',
    );
    const abi = await kernelAbi(file, [], box.context);
    expect(text(abi.components)).toEqual(['fresh-v1 source', 'kho-v1 source', 'luo-v5 source', 'obj-v3 source']);
    expect(abi.structures?.map(({ name }) => name)).toEqual([
      'added_ser',
      'fresh_ser',
      'kho_mem_phys_bits',
      'luo_ser',
      'obj_ser',
    ]);
    expect(readFileSync(join(box.tree, 'drivers/deep/added.c'), 'utf8')).toBe('#include <linux/types.h>\n');
    expect(existsSync(join(box.dir, 'cache/kernels'))).toBe(false);
  });
});

describe('a ready-made kernel', () => {
  const VMLINUX = `struct luo_ser { unsigned long long a, b; } x; char s[] = "\\0kho-v4\\0luo-v4\\0";
__asm__(".section .liveupdate_versions,\\"a\\"; .long 0x4c565550, 1; .ascii \\"luo-v5\\"; .skip 42; .text");\n`;
  const ready = (vmlinux: Buffer | string) =>
    kernelAbi(folderWith({ bzImage: fakeBzImage(), vmlinux }), [], lab().context);

  it('gives its own list first, then strings, then types', async () => {
    const abi = await ready(compileC(VMLINUX));
    expect(text(abi.components)).toEqual(['kho-v4 image', 'luo-v5 section']);
    expect(abi.structures).toMatchObject([{ name: 'luo_ser', size: 16 }]);
    expect(abi.notes.join('\n')).toContain('kexec-metadata: its version is a number');
  });

  it.each<[string, (whole: Buffer) => Buffer | string, string]>([
    ['stripped', () => compileC(VMLINUX, ['-g0']), 'has no debug information'],
    ['cut off', (whole) => whole.subarray(0, whole.length - 100), 'cut off'],
    ['empty', () => '', 'too short'],
    [
      'for 32 bits',
      (whole) => {
        const copy = Buffer.from(whole);
        copy[4] = 1;
        return copy;
      },
      'not 64-bit little-endian',
    ],
  ])('%s: what is not known is said', async (_what, damage, note) => {
    const abi = await ready(damage(compileC(VMLINUX)));
    expect(abi.structures).toBe(null);
    expect(abi.notes.join('\n')).toContain(note);
  });

  it('without a vmlinux has no layouts', async () => {
    const abi = await kernelAbi(folderWith({ bzImage: fakeBzImage() }), [], lab().context);
    expect(abi).toMatchObject({ structures: null, complete: false });
  });

  it('that does not exist is a usage error', async () => {
    await expect(kernelAbi('9.9.9', [], lab().context)).rejects.toThrow(UsageError);
    await expect(kernelAbi(folderWith({ a: '' }), [], lab().context)).rejects.toThrow('it has no bzImage');
  });
});

it('finds the files of a patch in any notation, and none outside the tree', () => {
  const dir = folderWith({
    'a.patch':
      'diff --git a/x/y.c b/x/y.c\n--- a/x/y.c\t2026-01-01\n+++ b/x/y.c\n--- /dev/null\n+++ new/z.h\n' +
      '--- a/../../etc/passwd\n+++ b/../../etc/passwd\n',
  });
  expect(touchedBy([join(dir, 'a.patch')])).toEqual(['x/y.c', 'z.h']);
});
