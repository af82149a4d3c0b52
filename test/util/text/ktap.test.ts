// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseKtap } from '../../../src/util/text/ktap.js';
import { casesOf, ofLog } from '../../../src/run/steps/kselftest-cases.js';

const short = (text: string) => parseKtap(text).cases.map(({ path, state }) => `${path.join('/')} ${state}`);

describe('KTAP', () => {
  it('of a harness: cases in order, each with the messages before it', () => {
    const { cases, planned, bailOut } = parseKtap(
      'TAP version 13\n1..3\n# Starting\n#  RUN  a.one ...\n#    OK  a.one\nok 1 a.one\n' +
        '# a.c:12:two:Expected 1 == 2\nnot ok 2 a.two\nok 3 - a.three # SKIP no device\n' +
        '# Totals: pass:1 fail:1 skip:1\n',
    );
    expect({ planned, bailOut }).toEqual({ planned: 3, bailOut: null });
    expect(cases).toEqual([
      { path: ['a.one'], state: 'pass', detail: 'Starting\n RUN  a.one ...\n   OK  a.one' },
      { path: ['a.two'], state: 'fail', detail: 'a.c:12:two:Expected 1 == 2' },
      { path: ['a.three'], state: 'skip', detail: 'no device' },
    ]);
  });

  it('with subtests: only those without subtests count', () => {
    expect(
      short(
        'KTAP version 1\n1..2\n  KTAP version 1\n  1..2\n    1..1\n    ok 1 deep\n  ok 1 inner\n' +
          '  not ok 2 other\nnot ok 1 outer\nok 2 last\n',
      ),
    ).toEqual(['outer/inner/deep pass', 'outer/other fail', 'last pass']);
  });

  it('that ends in the middle keeps everything up to there', () => {
    expect(short('1..2\n  ok 1 a\n  not ok 2 b\n')).toEqual(['a pass', 'b fail']);
    expect(parseKtap('# x\nBail out! cannot open\n# Planned tests != run tests (0 != 0)\n')).toMatchObject({
      cases: [],
      bailOut: 'cannot open',
    });
  });

  it.each([
    ['not ok 1 a # TIMEOUT 45', 'a fail'],
    ['not ok 1 a # TODO later', 'a pass'],
    ['ok 1 # SKIP all', 'test 1 skip'],
    ['ok 1', 'test 1 pass'],
    ['  ok 3 x\r', 'x pass'],
  ])('%j', (text, result) => expect(short(text)).toEqual([result]));

  it('survives anything that a machine may print', () => {
    expect(parseKtap('ok\nok x\nok 99999999999999999999 n\n\0\nnot ok1\n').cases).toHaveLength(1);
    expect(parseKtap(`${'# y\n'.repeat(100_000)}not ok 1 a\n`).cases[0]?.detail.length).toBeLessThanOrEqual(2000);
    expect(parseKtap('ok 1 a\n'.repeat(50_000)).cases).toHaveLength(10_000);
    expect(parseKtap(`${' '.repeat(5000)}ok 1 a`).cases).toHaveLength(1);
  });
});

describe('the cases of a test', () => {
  const cases = (status: number | null, text: string, stage: 1 | 2 | null = 2) =>
    casesOf({ test: 't', stage }, status, text, 1).map(({ name, state, detail }) =>
      `${name} ${state} ${detail}`.trim(),
    );
  it('are those that it lists, or the stage as a whole', () => {
    expect(cases(0, '# fine\n')).toEqual(['stage 2 pass']);
    expect(cases(1, '# [STAGE 2] Starting\nBail out! luo_retrieve_session\n')).toEqual([
      'stage 2 fail luo_retrieve_session',
    ]);
    expect(cases(4, '1..0 # SKIP no device\n')).toEqual(['stage 2 skip']);
    expect(cases(0, 'ok 1 a\nok 2 b\n', null)).toEqual(['a pass', 'b pass']);
  });
  it('show a test that died after its last good message', () => {
    expect(cases(null, 'ok 1 a\n', null)).toEqual(['a pass', 'whole fail ok 1 a']);
    expect(cases(1, 'not ok 1 a\n', null)).toEqual(['a fail']);
  });
});

describe('the KHO test module', () => {
  const RESTORED = '[    1.4] test_kho: KHO restore succeeded';
  const FAILED = '[    1.4] test_kho: KHO restore failed';
  it.each<[string, 1 | 2, boolean, number, string]>([
    ['', 1, false, 0, ''],
    ['', 1, true, 1, 'the kernel hands no kho_test over'],
    [RESTORED, 2, false, 0, RESTORED],
    [FAILED, 2, false, 1, FAILED],
    ['', 2, false, 1, 'the kernel says nothing of a restore: nothing was handed to it'],
    [
      `[    1.4] test_kho: failed to retrieve kho_test FDT: -22`,
      2,
      false,
      1,
      '[    1.4] test_kho: failed to retrieve kho_test FDT: -22',
    ],
    // What others print about a restore is not the module's.
    ["[    0.0] failed to retrieve FDT 'memblock' from KHO: -22", 1, false, 0, ''],
    [`[    0.1] Linux version 7.3.4\n${RESTORED}\n[    2.0] usb: failed`, 2, false, 0, RESTORED],
  ])('%j in stage %i', (log, stage, absent, status, text) =>
    expect(ofLog(log, stage, { absent })).toEqual({ status, text }),
  );
});
