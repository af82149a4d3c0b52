// SPDX-License-Identifier: Apache-2.0
// The parts of the story: the check in the source, the stack, the place, the structure.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dumpHandover, structureAt } from '../../../src/handover/index.js';
import type { HandoverDump } from '../../../src/model/result/handover-dump.js';
import { explainText } from '../../../src/report/text/explain.js';
import { CHECKS, checkFor } from '../../../src/repro/explain/checks.js';
import { placeAbout } from '../../../src/repro/explain/place.js';
import { sourceOf } from '../../../src/repro/explain/source.js';
import { framesOf, linesByAddress } from '../../../src/repro/explain/trace.js';
import { parsePlace } from '../../../src/scenario/validate/place.js';
import { AT, PACKED, packedWorld, treeWorld } from '../../handover/world.js';
import { temporaryFolder } from '../../util/temporary.js';

const PAGE = 4096;
const titles = (...list: string[]) => list.map((title) => ({ title }));

describe('the check', () => {
  it('is that of the first cause, not of what follows from it', () => {
    const hit = checkFor(
      titles(
        'something else',
        'Kernel panic: LUO: The incoming tree failed to initialize properly [-EINVAL]',
        "luo: LUO state is incompatible with 'luo-v5'",
      ),
    );
    expect(hit?.row.function).toBe('luo_early_startup');
    expect(
      checkFor(titles('Kernel panic: LUO: The incoming tree failed to initialize properly [-ENOENT]'))?.row.function,
    ).toBe('liveupdate_early_init');
    expect(checkFor(titles('BUG: unable to handle page fault'))).toBeNull();
  });

  it('names places as scenarios write them', () => {
    for (const { about } of CHECKS) {
      if (about?.how !== 'place') continue;
      expect(parsePlace(about.text), about.text).toMatchObject({ place: about.place });
    }
  });

  it('is found in the source by its words, with its function and the line', () => {
    const tree = temporaryFolder();
    mkdirSync(join(tree, 'mm'));
    writeFileSync(
      join(tree, 'mm/a.c'),
      [
        'static int helper(int a);',
        '',
        'static int __init check_it(struct a *a,',
        '\t\t\t   int b)',
        '{',
        '\tif (a->x != 1) {',
        '\t\tpr_err("no such %d\\n", a->x);',
        '\t\treturn -EINVAL;',
        '\t}',
        '}',
        'other(1);',
      ].join('\n'),
    );
    expect(sourceOf({ files: ['mm/none.c', 'mm/a.c'], words: 'no such %d' }, tree)).toMatchObject({
      file: 'mm/a.c',
      line: 7,
      function: 'check_it',
      first: 2,
    });
    expect(sourceOf({ files: ['mm/a.c'], words: 'other words' }, tree)).toBeNull();
  });
});

describe('the stack', () => {
  it('is read from the console, with what the unwinder is not sure of', () => {
    const text = [
      '[    0.440769] Kernel panic - not syncing: x',
      '[    0.444301] RIP: 0010:kho_restore_page+0x10/0x80',
      '[    0.444301] Call Trace:',
      '[    0.444301]  panic+0x4b/0x50',
      '[    0.444301]  ? rest_init+0x100/0x100',
      '[    0.444301] RAX: 0000000000000000',
      ' late.isra.0+0x1/0x2',
    ].join('\n');
    expect(framesOf(text).map(({ function: name, offset, unsure, exact }) => [name, offset, unsure, exact])).toEqual([
      ['kho_restore_page', 0x10, false, true],
      ['panic', 0x4b, false, false],
      ['rest_init', 0x100, true, false],
      ['late.isra.0', 1, false, false],
    ]);
  });

  it('has the lines that addr2line prints, inlined calls first, without the folder of the build', () => {
    const text =
      '0xffffffff81000010\n/x/cache/built/0123-ab/./kernel/a.c:5\nkernel/b.c:7 (discriminator 2)\n' +
      '0xffffffff81000020\n??:0\n';
    expect(linesByAddress(text)).toEqual(
      new Map([
        [0xffffffff81000010n, ['kernel/a.c:5', 'kernel/b.c:7']],
        [0xffffffff81000020n, []],
      ]),
    );
  });
});

describe('the place', () => {
  const dump: HandoverDump = {
    ...dumpHandover(packedWorld().source),
    layouts: { kernel: '7.3.4', release: null, named: true },
  };
  it.each<[Parameters<typeof placeAbout>[0], string, string | null]>([
    [{ how: 'handler' }, "luo: No registered handler for compatible 'memfd-v2'", 'file[vm0/7].compatible'],
    [{ how: 'handler' }, "luo: No registered handler for compatible 'memfd-v9'", null],
    [{ how: 'folio' }, 'memfd_luo: Unable to restore folio at physical address: 102000', 'memfd[vm0/7].folio[2].pfn'],
    [{ how: 'folio' }, 'memfd_luo: Unable to restore folio at physical address: 0x110000', 'memfd[vm0/7].folio[4].pfn'],
    [{ how: 'folio' }, 'memfd_luo: Unable to restore folio at physical address: 999000', null],
    [{ how: 'memfd', field: 'seals' }, '', 'memfd[vm0/7].seals'],
    [{ how: 'blocks' }, '', 'sessions.count'],
    [{ how: 'session' }, '', 'session[empty].count'],
  ])('%j of %s is %s', (about, words, text) => {
    const found = placeAbout(about, words, dump);
    expect(found?.text ?? null).toBe(text);
    if (found !== null)
      expect(structureAt(packedWorld().source, found.place).rows.filter(({ here }) => here)).toHaveLength(1);
  });
});

describe('a structure', () => {
  const at = (world: ReturnType<typeof packedWorld>, text: string) => {
    const parsed = parsePlace(text);
    if ('message' in parsed) throw new Error(parsed.message);
    return structureAt(world.source, parsed.place);
  };

  it('is shown field by field, with the bytes and the one that matters', () => {
    const { what, phys, rows } = at(packedWorld(), 'luo.version');
    expect([what, phys]).toEqual(['struct luo_ser, 32 bytes', '0x11000']);
    expect(rows[0]).toEqual({
      offset: 0,
      bytes: '6c 75 6f 2d 76 35 00 00',
      field: 'compatible',
      type: '',
      value: "'luo-v5'",
      here: true,
    });
    expect(rows.map(({ field, value, here }) => [field, value, here]).slice(1)).toEqual([
      ['liveupdate_num', '1', false],
      ['sessions_pa', '0x12000 (73728)', false],
      ['flbs_pa', '0x18000 (98304)', false],
    ]);
  });

  it('can be read with the layouts of the next kernel: the same bytes are other fields', () => {
    const parsed = parsePlace('memfd[vm0/7].size');
    if ('message' in parsed) throw new Error(parsed.message);
    const swapped = PACKED.map((structure) =>
      structure.name !== 'memfd_luo_ser'
        ? structure
        : {
            ...structure,
            fields: structure.fields.map((field) => ({
              ...field,
              name: { pos: 'size', size: 'pos' }[field.name] ?? field.name,
            })),
          },
    );
    const here = (as?: typeof swapped) =>
      structureAt(packedWorld().source, parsed.place, as)
        .rows.filter((row) => row.here)
        .map(({ field, value }) => [field, value]);
    expect(here()).toEqual([['size', '0x14000 (81920)']]);
    expect(here(swapped)).toEqual([['pos', '0x14000 (81920)']]);
  });

  it('of bit fields shows each', () => {
    const { rows } = at(packedWorld(), 'memfd[vm0/7].folio[2].flags');
    expect(rows.map(({ field, value, here }) => [field, value, here])).toEqual([
      ['pfn:52', '0x102 (258)', false],
      ['flags:12', '3', true],
      ['index', '2', false],
    ]);
  });

  it('that is a tree shows its properties', () => {
    expect(at(treeWorld(), 'luo.version').rows.filter(({ here }) => here)).toMatchObject([
      { field: '/compatible', value: "'luo-v1'" },
    ]);
    expect(at(packedWorld(), 'kho.map').rows.find(({ here }) => here)).toMatchObject({
      field: '/preserved-memory-map',
      value: '0x20000 (131072)',
    });
    expect(at(packedWorld(), 'reserve-mem[log].size').rows.find(({ here }) => here)).toMatchObject({
      field: '/log/size',
      value: '0x2000 (8192)',
    });
  });

  it('is shown where only bits or content stand', () => {
    expect(at(packedWorld(), 'kho.map.leaf').what).toBe('memory');
    expect(at(packedWorld(), 'memfd[vm0/7].folio[2].preserved').rows).toMatchObject([{ here: true }]);
    expect(at(packedWorld(), 'content[vm0/7].page[2].byte[9]').phys).toBe(
      `0x${((AT.content + 2) * PAGE + 9).toString(16)}`,
    );
  });
});

it('nothing of the machine reaches the terminal as it is', () => {
  const evil = '\u001b[2Jx\u202e';
  const text = explainText(
    {
      outcome: 'panic',
      title: evil,
      wrote: { kernel: evil, versions: [evil], where: [evil] },
      faults: [evil],
      expected: { kernel: evil, versions: [evil], mismatches: [evil], layouts: [evil] },
      said: [{ t: 1, epoch: 1, text: evil }],
      processors: [evil],
      check: {
        refuses: evil,
        function: evil,
        source: { file: 'a.c', line: 1, function: 'f', first: 1, lines: [evil] },
      },
      trace: { frames: [{ function: evil, offset: 1, unsure: false, lines: [evil, evil] }], why: evil },
      structure: {
        place: evil,
        dump: {
          what: 'x',
          phys: '0x0',
          rows: [{ offset: 0, bytes: '', field: evil, type: '', value: evil, here: true }],
        },
        read: null,
      },
      notes: [evil],
    },
    {},
  );
  expect(text).not.toContain('\u001b');
  expect(text).not.toContain('\u202e');
});
