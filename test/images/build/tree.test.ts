// SPDX-License-Identifier: Apache-2.0
import { linkSync, mkdirSync, readFileSync, statSync, symlinkSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { overlaid } from '../../../src/images/abi/tree.js';
import { layOver, overlayDigests, overlayFiles } from '../../../src/images/build/tree.js';
import { folderWith } from '../folder.js';

/** A tree whose files are links into a source, as in a build. */
function linkedTree(files: Record<string, string>): { source: string; tree: string } {
  const source = folderWith(files);
  const tree = folderWith({});
  for (const name of Object.keys(files)) {
    mkdirSync(join(tree, name, '..'), { recursive: true });
    linkSync(join(source, name), join(tree, name));
  }
  return { source, tree };
}

const text = (...path: string[]) => readFileSync(join(...path), 'utf8');

describe('an overlay', () => {
  it('replaces and appends, and never writes into the source', () => {
    const { source, tree } = linkedTree({
      'kernel/Makefile': 'obj-y += a.o\n',
      'kernel/a.c': 'old',
      Kconfig: 'no end of line',
    });
    const overlay = folderWith({
      'kernel/a.c': 'new',
      'kernel/deep/b.c': 'b',
      'kernel/Makefile.append': 'obj-y += deep/\n',
      'Kconfig.append': 'source "x"\n',
    });
    layOver(overlay, tree);
    expect(text(tree, 'kernel/Makefile')).toBe('obj-y += a.o\nobj-y += deep/\n');
    expect(text(tree, 'Kconfig')).toBe('no end of line\nsource "x"\n');
    expect(text(tree, 'kernel/a.c')).toBe('new');
    expect(text(tree, 'kernel/deep/b.c')).toBe('b');
    expect(() => statSync(join(tree, 'kernel/Makefile.append'))).toThrow('ENOENT');
    expect([text(source, 'kernel/Makefile'), text(source, 'kernel/a.c'), text(source, 'Kconfig')]).toEqual([
      'obj-y += a.o\n',
      'old',
      'no end of line',
    ]);
  });

  it('may add a file and append to it; a second overlay appends to the first', () => {
    const tree = folderWith({});
    const overlay = folderWith({ Makefile: 'one\n', 'Makefile.append': 'two\n' });
    layOver(overlay, tree);
    layOver(folderWith({ 'Makefile.append': 'three\n' }), tree);
    expect(text(tree, 'Makefile')).toBe('one\ntwo\nthree\n');
  });

  it('keeps mode and symbolic links', () => {
    const { tree } = linkedTree({ 'run.sh': '#!/bin/sh\n' });
    const mode = statSync(join(tree, 'run.sh')).mode;
    const overlay = folderWith({ 'run.sh.append': 'exit 0\n' });
    symlinkSync('run.sh', join(overlay, 'link'));
    layOver(overlay, tree);
    expect(statSync(join(tree, 'run.sh')).mode).toBe(mode);
    expect(readlinkSync(join(tree, 'link'))).toBe('run.sh');
  });

  it('that appends to a missing file is an error', () => {
    const overlay = folderWith({ 'kernel/gone/Makefile.append': 'x' });
    expect(() => layOver(overlay, folderWith({}))).toThrow(
      `${overlay}/kernel/gone/Makefile.append: the source has no kernel/gone/Makefile to append it to`,
    );
  });

  it('is identified by the files that it changes and by all of its content', () => {
    const overlay = folderWith({
      'kernel/a.c': 'a',
      'kernel/Makefile.append': 'x',
      'kernel/Makefile': 'y',
      '.append': 'a name of its own',
    });
    expect(overlayFiles(overlay).map(({ path, appended }) => [path, appended])).toEqual([
      ['.append', false],
      ['kernel/Makefile', false],
      ['kernel/a.c', false],
      ['kernel/Makefile', true],
    ]);
    expect(overlaid([overlay])).toEqual(['.append', 'kernel/Makefile', 'kernel/a.c']);
    const key = (files: Record<string, string>) => JSON.stringify(overlayDigests(folderWith(files)));
    expect(key({ 'a.append': 'x' })).toBe(key({ 'a.append': 'x' }));
    expect(
      new Set([key({ 'a.append': 'x' }), key({ a: 'x' }), key({ 'a.append': 'y' }), key({ 'b.append': 'x' })]).size,
    ).toBe(4);
  });
});
