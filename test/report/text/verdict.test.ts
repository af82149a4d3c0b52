// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Mismatch } from '../../../src/model/kernel/component.js';
import { OUTCOMES } from '../../../src/model/result/outcome.js';
import type { Result } from '../../../src/model/result/result.js';
import { phaseBar } from '../../../src/report/text/phase-bar.js';
import { bytes, coloursFor, paint, seconds } from '../../../src/report/text/style.js';
import { shortChain } from '../../../src/report/night/pair-result.js';
import { verdictText } from '../../../src/report/text/verdict.js';
import { incident, kernel, resource, resultOf } from '../result.js';

const FILE = {};
const text = (result: Result, folder: string | null = '/r/run-1') => verdictText(result, folder, FILE);
const RECOVERY: NonNullable<Result['recovery']> = {
  how: 'reboot',
  ms: 3000,
  pagesLeaked: { before: 2057, after: 0 },
  pagesGivenBack: 2057,
  managed: { first: 255353, before: 253292, after: 255353 },
  guestsSurvived: [],
  guestsLost: ['vm-1/g', 'vm-2/g'],
  problems: [],
  notKnown: null,
};
const head = (result: Result) => text(result).split('\n')[0];

describe('the first line of a verdict', () => {
  it.each([
    ['infra', 'INFRA  first  7.2.12 -> 7.3.4  8.0 s  (as expected)'],
    ['panic', 'PANIC  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in panic)'],
    ['reboot', 'REBOOT  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in reboot)'],
    ['hang', 'HANG  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in reboot)'],
    ['corrupt', 'CORRUPT  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in reboot)'],
    ['lost', 'LOST  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in reboot)'],
    ['leak', 'LEAK  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in leak)'],
    ['tainted', 'TAINTED  first  7.2.12 -> 7.3.4  8.0 s  (as expected, ends in reboot)'],
    ['refused', 'REFUSED  first  7.2.12 -> 7.3.4  8.0 s  (as expected)'],
    ['preserved', 'PRESERVED  first  7.2.12 -> 7.3.4  8.0 s  (as expected)'],
  ] as const)('%s', (outcome, line) => expect(head(resultOf(outcome))).toBe(line));

  it('says what was expected instead', () => {
    expect(head(resultOf('panic', { expected: 'preserved', asExpected: false }))).toContain(
      '(expected preserved, ends in panic)',
    );
  });

  it('says who looked, who was blind, and whom the user did without', () => {
    const saw = { looked: true, counted: 16384, why: null, required: true, waived: false };
    const blind = { looked: false, counted: 0, why: 'the trace says nothing', required: true, waived: true };
    const shown = text(
      resultOf('preserved', {
        witnesses: { inside: saw, iommu: blind },
        taint: { before: 0, after: 512, flags: ['warn'] },
      }),
    );
    expect(shown).toContain(
      '  looked    inside 16384\n  blind     iommu: the trace says nothing (not required: --without)\n' +
        '  tainted   warn\n',
    );
    expect(text(resultOf('preserved'))).not.toContain('  looked ');
  });

  it('says that a step was not as demanded although the outcome was', () => {
    expect(head(resultOf('preserved', { asExpected: false }))).toContain('(expected, but a step failed)');
  });
});

describe('what a run started from', () => {
  it('is a snapshot, and how to do without it', () => {
    const snapshot = { rung: 'jump', key: 'a1', savedAt: '2026-11-28T03:12:40.000Z' } as const;
    expect(text(resultOf('preserved', { snapshot }))).toContain(
      '\n\n  from a snapshot   jump, saved 2026-11-28 03:12 (--cold boots everything)\n',
    );
  });

  it('is a boot, and why', () => {
    const shown = text(resultOf('preserved', { snapshot: { none: 'the disk is full\x1b[2J' } }));
    expect(shown).toContain('\n\n  cold      the disk is full\\x1b[2J\n');
  });

  it('is not known of older results', () => {
    const shown = text(resultOf('preserved', { snapshot: null }));
    expect(shown).not.toContain('snapshot');
    expect(shown).not.toContain('cold');
  });
});

describe('a verdict', () => {
  it.each(OUTCOMES)('of %s has its cause, the folder, and no colours for a file', (outcome) => {
    const shown = text(resultOf(outcome));
    expect(shown).not.toContain('\x1b');
    expect(shown.endsWith('  /r/run-1\n')).toBe(true);
    expect(shown.includes(`  cause     a ${outcome}`)).toBe(outcome !== 'preserved');
    expect(text(resultOf(outcome), null)).not.toContain('/r/run-1');
  });

  it('shows evidence of hostile machines as what it is', () => {
    const evil = 'x\x1b]0;owned\x07\u202e\x9b2J\r';
    const hostile = incident('panic', { title: evil, detail: `${evil}\n${evil}` });
    const shown = verdictText(
      resultOf('panic', {
        scenario: { name: evil, description: evil, tags: [], file: evil },
        kernels: [kernel(evil), kernel(evil)],
        from: kernel(evil),
        to: kernel(evil),
        cause: hostile,
        incidents: [hostile, incident(null, { title: `other ${evil}` })],
        resources: [resource({ name: evil, session: evil, state: 'corrupt', problems: [evil] })],
        mismatches: [{ component: evil, wrote: 1, reads: [2], endsIn: 'panic', source: 'run', detail: evil }],
        memory: {
          ...resultOf('panic').memory,
          updates: [
            {
              epoch: 1,
              markedOnArrival: 1,
              markedAtEnd: 1,
              baseline: [{ what: evil, phys: '0x0', pages: 1 }],
              map: [],
              mapLeftOut: 0,
            },
          ],
        },
        impaired: { pagesLeaked: 1, guests: [evil] },
        recovery: { ...RECOVERY, guestsSurvived: [evil], guestsLost: [evil], problems: [evil] },
        qemu: {
          version: evil,
          accel: 'tcg',
          commandLine: evil,
          sandbox: { kind: 'setpriv', user: 'lab', why: evil, command: [evil] },
        },
        timeline: [],
      }),
      '/r',
      FILE,
    );
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(shown).toContain('\\x1b]0;owned');
  });

  it('names a chain of hundreds by its ends', () => {
    expect(shortChain(['a', 'b', 'c'])).toBe('a -> b -> c');
    expect(shortChain(Array.from({ length: 201 }, (_, i) => `k${i}`))).toBe(
      'k0 -> k1 -> k2 -> ... -> k200 (200 updates)',
    );
  });

  it('stays short however much there is to tell', () => {
    const many = resultOf('corrupt', {
      resources: Array.from({ length: 2000 }, (_, i) =>
        resource({
          name: `file${i}`,
          state: i % 2 === 0 ? 'intact' : 'corrupt',
          problems: i % 2 === 0 ? [] : ['x'.repeat(10_000)],
        }),
      ),
      incidents: Array.from({ length: 900 }, (_, i) => incident(null, { title: `t${i} ${'y'.repeat(10_000)}` })),
      cause: incident('corrupt', { detail: Array.from({ length: 5000 }, (_, i) => `row ${i}`).join('\n') }),
    });
    const shown = text(many);
    expect(shown.split('\n').length).toBeLessThan(60);
    expect(shown.length).toBeLessThan(10_000);
    expect(shown).toContain('and 1992 more, of which 1000 intact');
    expect(shown).toContain('and 892 more');
    // The bad ones come first.
    expect(shown.split('  files\n')[1]).toMatch(/^ {4}corrupt /);
  });

  it('tells of attempts where a kernel was asked to leave more than once', () => {
    const attempt = (number: number, state: 'refused' | 'judged', why: string | null) => ({
      epoch: 0,
      attempt: number,
      state,
      sessions: 1,
      files: 1,
      at: 5,
      why,
    });
    expect(text(resultOf('preserved', { attempts: [attempt(1, 'judged', null)] }))).not.toContain('attempt');
    const shown = text(
      resultOf('preserved', { attempts: [attempt(1, 'refused', 'EIO\x1b'), attempt(2, 'judged', null)] }),
    );
    expect(shown).toContain(
      '  attempts  epoch 0, attempt 1: refused, EIO\\x1b\n            epoch 0, attempt 2: judged\n',
    );
    const many = Array.from({ length: 100 }, (_, at) => attempt(at + 1, 'refused', null));
    expect(text(resultOf('refused', { attempts: many }))).toContain('and 88 more');
  });

  it('tells what the images had said, where it came otherwise', () => {
    const about = { where: null, mismatches: [], signs: [], component: 'memfd', reasons: ['no handler'], hit: false };
    const otherwise = 'predicted preserved from the images alone, but the run ended differently';
    expect(text(resultOf('leak', { predicted: { ...about, outcome: 'preserved', endsIn: 'none' } }))).toContain(
      otherwise,
    );
    expect(text(resultOf('leak', { predicted: { ...about, outcome: 'leak', endsIn: 'leak' } }))).toContain(
      'predicted leak, but for another reason than in the run: no handler\n',
    );
    expect(text(resultOf('leak', { predicted: { ...about, outcome: 'leak', endsIn: 'leak', hit: true } }))).toContain(
      'predicted leak: no handler\n',
    );
    expect(text(resultOf('leak'))).toMatch(/predicted leak\n/);
    expect(text(resultOf('leak', { predicted: null }))).not.toContain('predicted');
  });

  it.each([
    [{ wrote: 1, reads: [2, 3] }, 'kho: written v1, read v2, v3; ends in panic'],
    [{ wrote: null, reads: [2] }, 'kho: written v?, read v2; ends in panic'],
    [{ wrote: 1, reads: [] }, 'kho: written v1, read nothing; ends in panic'],
  ])('tells a mismatch: %j', (more, line) => {
    expect(
      text(
        resultOf('panic', { mismatches: [{ component: 'kho', endsIn: 'panic', source: 'run', detail: '', ...more }] }),
      ),
    ).toContain(`  mismatch  ${line}\n`);
  });

  it('tells of a device what there is: it has no version', () => {
    const mismatch: Mismatch = {
      component: 'pci',
      wrote: null,
      reads: [],
      endsIn: 'reboot',
      source: 'run',
      detail: 'edu0: is no longer \x1bthere',
    };
    expect(text(resultOf('lost', { mismatches: [mismatch] }))).toContain(
      '  mismatch  pci: edu0: is no longer \\x1bthere; ends in reboot\n',
    );
  });

  it('tells what was seen of a file from both sides', () => {
    expect(text(resultOf('preserved'))).toContain(
      'intact   ram              64 MiB  inside 16384/16384 pages, outside 16384/16384',
    );
    expect(
      text(
        resultOf('lost', {
          resources: [resource({ state: 'lost', inside: null, outside: null, problems: ['not retrieved', 'more'] })],
        }),
      ),
    ).toContain('lost     ram              64 MiB  not checked inside: not retrieved\n');
  });

  it('says what the host is left with, and what the way out gave back', () => {
    const shown = text(resultOf('leak', { impaired: { pagesLeaked: 2057, guests: ['vm-2/g'] }, recovery: RECOVERY }));
    expect(shown).toContain(
      '  impaired  2057 pages (8.0 MiB) that nothing can use\n            did not survive: vm-2/g\n\n' +
        '  recovery  a reboot of the host, 3.0 s\n            2057 of 2057 leaked pages given back, 0 left\n',
    );
    expect(shown).toContain(
      '255353 when first up, 253292 impaired, 255353 after\n            survived: no guest\n' +
        '            lost: vm-1/g, vm-2/g\n',
    );
    expect(text(resultOf('leak', { impaired: { pagesLeaked: 1, guests: [] } }))).toMatch(
      /impaired {2}1 page \(4 KiB\) that nothing can use\n\n/,
    );
    expect(text(resultOf('preserved'))).not.toMatch(/impaired|recovery/);
  });

  it('does not make up what could not be seen, and stays short', () => {
    const many = Array.from({ length: 500 }, (_, at) => `vm-${at}`);
    const shown = text(
      resultOf('leak', {
        recovery: {
          ...RECOVERY,
          how: 'update',
          pagesLeaked: { before: 5, after: null },
          pagesGivenBack: 0,
          managed: { first: null, before: 1, after: null },
          guestsSurvived: many,
          problems: many,
        },
      }),
    );
    expect(shown).toContain(
      'one more update, 3.0 s\n            it is not known whether any of the 5 leaked pages came back\n' +
        '            pages that the kernel manages: not known when first up, 1 impaired, not known after\n',
    );
    expect(shown).toContain('vm-7 and 492 more\n');
    expect(shown).toContain('problem: vm-4\n            problem: and 495 more\n');
  });

  it("has QEMU's command line where no kernel came up, and where the lab failed", () => {
    expect(text(resultOf('hang', { timeline: [] }))).toContain('QEMU was started with:');
    expect(text(resultOf('infra'))).toContain('The lab failed, not a kernel. QEMU was started with:');
    expect(text(resultOf('infra', { qemu: { version: '', accel: 'tcg', commandLine: '', sandbox: null } }))).toContain(
      'QEMU was not started.',
    );
    expect(text(resultOf('panic'))).not.toContain('qemu-system-x86_64');
  });
});

describe('the bar of phases', () => {
  it.each([20, 40, 80, 100, 200])('is never wider than a terminal of %i columns', (columns) => {
    const [bar = ''] = phaseBar(resultOf('preserved'), columns);
    expect(bar.length).toBeLessThanOrEqual(Math.max(22, columns));
  });

  it('gives each phase its share, in order', () => {
    const [bar, legend] = phaseBar(resultOf('preserved'), 100);
    // 2 s to boot, 2 s to prepare, 2 s for the kexec, 2 s to prove.
    expect(bar).toBe(`  ${'█'.repeat(24)}${'▓'.repeat(24)}${'▒'.repeat(24)}${'░'.repeat(24)}`);
    expect(legend).toBe(
      '  █ boot 7.2.12 2.0 s   ▓ 7.2.12: prepare 2.0 s   ▒ kexec to 7.3.4 2.0 s   ░ 7.3.4: prove 2.0 s',
    );
  });

  const KEXEC_AND_PROOF = '▒ kexec to 7.3.4 2.0 s   ░ 7.3.4: prove 2.0 s';
  it.each([
    ['booted', `  █ snapshot (booted) 2.0 s   ▓ 7.2.12: prepare 2.0 s   ${KEXEC_AND_PROOF}`],
    ['jump', '  █ snapshot (jump) 4.0 s   ▓ kexec to 7.3.4 2.0 s   ▒ 7.3.4: prove 2.0 s'],
    ['luo', '  █ snapshot (luo) 4.0 s   ▓ kexec to 7.3.4 2.0 s   ▒ 7.3.4: prove 2.0 s'],
    ['retrieve', '  █ snapshot (retrieve) 6.0 s   ▓ 7.3.4: prove 2.0 s'],
  ] as const)('says what came from a snapshot: %s', (rung, legend) => {
    const snapshot = { rung, key: 'a1', savedAt: '2026-11-28T03:12:40.000Z' };
    expect(phaseBar(resultOf('preserved', { snapshot }), 100)[1]).toBe(legend);
  });

  it('shows that a resumed kernel did not come up', () => {
    const snapshot = { rung: 'jump', key: 'a1', savedAt: '2026-11-28T03:12:40.000Z' } as const;
    const timeline = [...resultOf('hang').timeline.slice(0, 3), { t: 4500, epoch: 1, what: 'kernel 7.3.4-lab begins' }];
    expect(phaseBar(resultOf('hang', { snapshot, timeline }), 100)[1]).toBe(
      '  █ snapshot (jump) 4.0 s   ▓ kexec to 7.3.4, not up 4.0 s',
    );
  });

  it('shows that a kernel did not come up', () => {
    const { timeline } = resultOf('hang');
    expect(phaseBar(resultOf('hang', { timeline: [{ t: 1, epoch: 0, what: 'kernel x begins' }] }), 100)[1]).toContain(
      'boot 7.2.12, not up 8.0 s',
    );
    expect(
      phaseBar(
        resultOf('hang', {
          timeline: [...timeline.slice(0, 3), { t: 4500, epoch: 1, what: 'kernel 7.3.4-lab begins' }],
        }),
        100,
      )[1],
    ).toContain('kexec to 7.3.4, not up 4.0 s');
  });

  it('has a way out as the last part, whatever kernel came up in it', () => {
    const { timeline } = resultOf('leak');
    const recovered = resultOf('leak', {
      recovery: { ...RECOVERY, ms: 1000 },
      timeline: [
        ...timeline,
        { t: 7100, epoch: 1, what: 'kexec' },
        { t: 7900, epoch: 2, what: 'user space of 7.3.4-lab is up' },
      ],
    });
    expect(phaseBar(recovered, 100)[1]).toMatch(/7.3.4: prove 1.0 s {3}█ recovery: reboot 1.0 s$/);
  });

  it('of a run that took no time is none', () => {
    expect(phaseBar(resultOf('infra', { timeline: [], durations: {} }), 100)).toEqual([]);
    expect(phaseBar(resultOf('infra', { timeline: [], durations: { total: 0 } }), 100)).toEqual([]);
  });

  it('bears more phases than it has columns', () => {
    const timeline = Array.from({ length: 200 }, (_, i) => ({
      t: (i + 1) * 10,
      epoch: i,
      what: 'user space of x is up',
    }));
    const [bar = ''] = phaseBar(resultOf('preserved', { timeline, durations: { total: 2010 } }), 80);
    expect(bar.length).toBeLessThanOrEqual(80);
  });
});

describe('words for people', () => {
  it.each([
    [0, '0.0 s'],
    [1540, '1.5 s'],
    [99_949, '99.9 s'],
    [100_000, '1 min 40 s'],
    [119_600, '2 min 0 s'],
    [179_999, '3 min 0 s'],
    [3_600_000, '60 min 0 s'],
  ])('%i ms is %s', (ms, words) => expect(seconds(ms)).toBe(words));
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [64 << 20, '64 MiB'],
    [2 ** 40, '1024 GiB'],
  ])('%i bytes is %s', (n, words) => expect(bytes(n)).toBe(words));

  it('every outcome has a colour, on a terminal only', () => {
    const before = process.env['NO_COLOR'];
    delete process.env['NO_COLOR'];
    try {
      for (const outcome of OUTCOMES) {
        expect(paint(outcome, 'x', coloursFor({ isTTY: true }))).toContain('\x1b[');
        expect(paint(outcome, 'x', coloursFor({ isTTY: false }))).toBe('x');
      }
      process.env['NO_COLOR'] = '1';
      expect(paint('panic', 'x', coloursFor({ isTTY: true }))).toBe('x');
    } finally {
      if (before === undefined) delete process.env['NO_COLOR'];
      else process.env['NO_COLOR'] = before;
    }
  });
});
