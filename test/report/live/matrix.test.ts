// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { matrixStatus, matrixText } from '../../../src/report/text/matrix.js';
import { matrixView } from '../../../src/report/live/matrix.js';
import { pairResultsOf } from '../../../src/store/matrix/pair-results.js';
import { attemptOf, cellOf, matrixOf } from '../../store/matrix/matrix.js';

beforeEach(() => {
  vi.stubEnv('NO_COLOR', '1');
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

const [a, b] = [cellOf('a'), cellOf('b', 2)];

function view(isTTY: boolean, { total = 4 } = {}) {
  let text = '';
  let time = 0;
  const stream = { isTTY, columns: 100, rows: 6, write: (chunk: string) => ((text += chunk), true) };
  const made = matrixView({ total, done: 1, stream, now: () => time });
  return { view: made, text: () => text, at: (ms: number) => (time = ms) };
}

describe('a matrix while it runs', () => {
  it('is a line a cell where there is no terminal, with the time that is left', () => {
    vi.stubEnv('CI', '');
    const one = view(false);
    one.view.note('m1: 3 cells left\x1b[2J');
    one.view.running(a, 'host:1');
    one.at(10_000);
    one.view.finished(a, attemptOf('a-1', { ms: 9000 }), 'done');
    one.at(20_000);
    one.view.finished(
      b,
      attemptOf('b-2', { outcome: 'infra', asExpected: false, run: null, title: 'no machine \x1b]0;x' }),
      'retry',
    );
    one.view.finished(
      b,
      attemptOf('b-2', { outcome: 'panic', endsIn: 'panic', asExpected: false, title: 'BUG' }),
      'done',
    );
    one.view.waiting(a, 'its worker is gone');
    one.view.end();
    expect(one.text().split('\n')).toEqual([
      '[   0.0 s] m1: 3 cells left\\x1b[2J',
      '[  10.0 s] 2/4  PRESERVED  a  7.2.12 -> 7.3.4  9.0 s  about 20.0 s left',
      '[  20.0 s] 2/4  INFRA      b  7.2.12 -> 7.3.4  #2  5.0 s  no machine \\x1b]0;x; tried again  about 40.0 s left',
      '[  20.0 s] 3/4  PANIC      b  7.2.12 -> 7.3.4  #2  5.0 s  EXPECTED preserved (scenario): BUG  about 10.0 s left',
      '[  20.0 s] a  7.2.12 -> 7.3.4: back in the queue, its worker is gone',
      '',
    ]);
  });

  it('knows the time that is left from the last cells: once they start from snapshots, the boots do not count', () => {
    vi.stubEnv('CI', '');
    const one = view(false, { total: 101 });
    for (let cell = 1; cell <= 40; cell++) {
      one.at(cell <= 20 ? cell * 10_000 : 200_000 + (cell - 20) * 1000);
      one.view.finished(a, attemptOf('a-1', { ms: 1000 }), 'done');
    }
    one.view.end();
    const lines = one.text().trim().split('\n');
    expect(lines[19]).toMatch(/about 13 min 20 s left$/);
    expect(lines[39]).toMatch(/about 60\.0 s left$/);
  });

  it('is a table that is drawn anew on a terminal, never longer than it', () => {
    vi.stubEnv('CI', '');
    const one = view(true);
    for (const cell of ['a', 'b', 'c', 'd'].map((name) => cellOf(name))) one.view.running(cell, 'host:1');
    one.view.detail(cellOf('a'), 'kernel boots\n');
    one.at(3000);
    vi.advanceTimersByTime(200);
    const first = one.text();
    expect(first.split('\n').slice(0, 4)).toEqual([
      '1/4  3.0 s',
      '    3.0 s  a  7.2.12 -> 7.3.4  host:1  kernel boots\\x0a',
      '    3.0 s  b  7.2.12 -> 7.3.4  host:1  ',
      '  and 2 more',
    ]);
    one.view.finished(a, attemptOf('a-1'), 'done');
    one.view.finished(b, attemptOf('b-2', { outcome: 'panic', asExpected: false, title: 'BUG' }), 'done');
    one.view.end();
    // What stood there is wiped line by line; what went wrong stays above.
    expect(one.text().slice(first.length)).toContain('\x1b[4A\x1b[0J');
    expect(one.text()).toContain('PANIC      b  7.2.12 -> 7.3.4  #2  5.0 s  EXPECTED preserved (scenario): BUG\n');
    expect(one.text().split('\x1b[0J').at(-1)).toMatch(
      /^3\/4 {2}3\.0 s {2}about 1\.5 s left {2}1 preserved, 1 panic {2}1 not as expected\n/,
    );
  });
});

describe('what a matrix came to', () => {
  const pairResults = (...attempts: Parameters<typeof attemptOf>[]) =>
    pairResultsOf(
      { cells: [cellOf('a'), cellOf('c'), cellOf('c', 2)] },
      attempts.map((each) => attemptOf(...each)),
    );
  const text = (...attempts: Parameters<typeof attemptOf>[]) =>
    matrixText(matrixOf([cellOf('a'), cellOf('c'), cellOf('c', 2)]), pairResults(...attempts), { folder: '/r/m1' }, {});

  it('names what is not as expected, with the rate of what is flaky', () => {
    expect(text(['a-1'], ['c-1'], ['c-2'])).toBe('3 cells, 2 pair results: 2 preserved\nall as expected\n\n  /r/m1\n');
    expect(
      text(
        ['a-1', { outcome: 'leak', endsIn: 'leak', asExpected: false, title: 'pages leaked' }],
        ['c-1'],
        ['c-2', { outcome: 'lost', endsIn: 'reboot', asExpected: false, title: 'KHO' }],
      ),
    ).toContain(
      '2 not as expected\n  a  7.2.12 -> 7.3.4  LEAK (leak)  expected preserved (scenario)  pages leaked\n' +
        '  c  7.2.12 -> 7.3.4  FLAKY: preserved 1 of 2, lost (reboot) 1 of 2  ' +
        'expected preserved (scenario)  KHO\n',
    );
  });

  it.each<[number, Parameters<typeof attemptOf>[]]>([
    [0, [['a-1'], ['c-1'], ['c-2']]],
    [1, [['a-1', { outcome: 'lost', asExpected: false }], ['c-1', { outcome: 'infra', asExpected: false }], ['c-2']]],
    [1, [['a-1'], ['c-1'], ['c-2', { outcome: 'lost' }]]],
    [3, [['a-1', { outcome: 'infra', asExpected: false }], ['c-1'], ['c-2']]],
    [3, [['a-1'], ['c-1']]],
  ])('ends with %i', (status, attempts) => expect(matrixStatus(pairResults(...attempts))).toBe(status));
});
