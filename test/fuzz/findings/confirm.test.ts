// SPDX-License-Identifier: Apache-2.0
// A finding is shown only after three boots that end in the same way. The runs are made up; all else is the lab's own.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { confirm, type ConfirmOptions } from '../../../src/fuzz/findings/confirm.js';
import { type Finding, FindingStore } from '../../../src/fuzz/findings/store.js';
import type { Outcome } from '../../../src/model/result/outcome.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { incident, resultOf } from '../../report/result.js';

const TEXT = 'from: 7.3.4\nto: 7.3.4\nsessions: []\nexpect: preserved\n';
const TITLE = 'BUG: unable to handle page fault in f';

interface Ran {
  kernels: readonly string[];
  snapshots: string;
}

let store: FindingStore;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
  store = new FindingStore(folder);
});

function found(): Finding {
  const scenario = parseScenario(TEXT, 'x.yaml');
  const input = { generator: 'calls' as const, text: TEXT, scenario, versionsValid: true };
  return store.add(input, { outcome: 'panic', title: TITLE, input: 7, seed: 1 });
}

/** Confirms with runs that end as listed, and as the last of them from then on. */
async function confirmed(ends: readonly Outcome[], more: Partial<ConfirmOptions> = {}) {
  const ran: Ran[] = [];
  const finding = await confirm(found(), {
    store,
    known: [],
    rule: null,
    others: [],
    minimiseMs: 0,
    signal: new AbortController().signal,
    note: () => undefined,
    explain: () => Promise.resolve({ text: 'why', where: 'f+0x1 at f.c:7' }),
    run: ({ kernels }, { snapshots }) => {
      const outcome = ends[Math.min(ran.length, ends.length - 1)] as Outcome;
      ran.push({ kernels, snapshots });
      const cause = outcome === 'preserved' ? null : incident(outcome, { title: TITLE });
      return Promise.resolve({ result: resultOf(outcome, { cause }), folder: join(folder, 'kept') });
    },
    ...more,
  });
  return { finding, ran };
}

const stored = () => new FindingStore(folder).list;

describe('a finding', () => {
  it('is confirmed by three boots that end in the same way, and has a report', async () => {
    const { finding, ran } = await confirmed(['panic']);
    expect(finding).toMatchObject({ state: 'confirmed', runs: 3, seen: 3, run: '../kept' });
    expect(ran.map(({ snapshots }) => snapshots)).toEqual(['cold', 'cold', 'cold']);
    expect(stored()).toEqual([finding]);
    const text = (file: string) => readFileSync(join(store.pathOf(finding), file), 'utf8');
    expect(text('report.txt')).toContain(TITLE);
    expect(text('report.txt')).toContain('\nWhere: f+0x1 at f.c:7\n');
    expect(text('explanation.txt')).toBe('why');
  });

  it.each<[string, Outcome[]]>([
    ['one of three is another', ['panic', 'preserved', 'panic']],
    ['none shows it', ['preserved']],
  ])('is not shown if %s', async (_, ends) => {
    const { finding } = await confirmed(ends);
    expect(finding).toMatchObject({ state: 'not reproduced', runs: 3 });
    expect(existsSync(join(store.pathOf(finding), 'report.txt'))).toBe(false);
    expect(stored()).toEqual([finding]);
  });

  it('stays as it is if the lab fails twice, and is neither shown nor given up', async () => {
    const { finding, ran } = await confirmed(['panic', 'infra']);
    expect(finding).toMatchObject({ state: 'found', runs: 0, seen: 0 });
    expect(ran).toHaveLength(3);
    expect(stored()).toEqual([finding]);
  });

  it('survives one failure of the lab', async () => {
    const { finding, ran } = await confirmed(['panic', 'infra', 'panic']);
    expect(finding).toMatchObject({ state: 'confirmed', seen: 3 });
    expect(ran).toHaveLength(4);
  });

  it('that is known does not run', async () => {
    const known = [{ title: 'BUG: *', reference: 'a page', kernels: ['7.*'] }];
    const { finding, ran } = await confirmed(['panic'], { known });
    expect(finding).toMatchObject({ state: 'known', reference: 'a page' });
    expect(ran).toEqual([]);
  });

  it('is tried on the other kernels', async () => {
    const { finding, ran } = await confirmed(['panic', 'panic', 'panic', 'panic', 'lost'], {
      others: ['7.2.12', '7.1.13'],
    });
    expect(finding.others).toEqual({ '7.2.12': 'the same', '7.1.13': 'lost' });
    expect(ran.slice(3).map(({ kernels }) => kernels)).toEqual([
      ['7.2.12', '7.2.12'],
      ['7.1.13', '7.1.13'],
    ]);
  });

  it('whose confirmation is interrupted is confirmed later', async () => {
    const stop = new AbortController();
    stop.abort(new Error('Ctrl-C'));
    await expect(confirmed(['panic'], { signal: stop.signal })).rejects.toThrow('Ctrl-C');
    expect(stored()).toMatchObject([{ state: 'found' }]);
  });
});
