// SPDX-License-Identifier: Apache-2.0
// What may happen to a hunt that nobody watches: each is reported, nothing is lost, and the same command goes on.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { endingOf } from '../../../src/fuzz/ending.js';
import { FindingStore } from '../../../src/fuzz/findings/store.js';
import { Corpus } from '../../../src/fuzz/hunt/corpus.js';
import { hunt, type HuntOptions } from '../../../src/fuzz/hunt/hunt.js';
import { Journal } from '../../../src/fuzz/hunt/journal.js';
import type { Execution, Generator, Input } from '../../../src/fuzz/input.js';
import type { Random } from '../../../src/util/random.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { requireSound } from '../../../src/perform/ladder-runs.js';
import { LabError, UsageError } from '../../../src/util/errors.js';
import { runFake } from '../../fakes/run.js';

const SCENARIO = 'from: 7.3.4\nto: 7.3.4\nsessions: []\nexpect: preserved\n';
const generator: Generator = {
  name: 'calls',
  fresh: (random: Random) => {
    const text = `description: input ${random.below(100_000)}\n${SCENARIO}`;
    return { generator: 'calls', text, scenario: parseScenario(text, 'x.yaml'), versionsValid: true };
  },
  mutate: (_, random) => generator.fresh(random),
};

const folders: string[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hunt-test-'));
  folders.push(folder);
  return folder;
}

/** An execution on a fake machine whose next kernel panics, stands still, or is sound. */
async function ended(how: 'panic' | 'hang' | 'sound'): Promise<Execution> {
  const { record } = await runFake(SCENARIO, {
    entering: (machine) => {
      if (how === 'panic') machine.panic();
      if (how === 'hang') machine.stand();
    },
  });
  if (record === null) throw new Error('the fake run rejected');
  return { ending: endingOf(record), blocks: null, rung: 'booted', ms: 1 };
}

type Body = (input: Input, nth: number, signal: AbortSignal) => Execution | Promise<Execution>;

function start(folder: string, body: Body, more: Partial<HuntOptions> = {}) {
  const texts: string[] = [];
  const executor = {
    execute: async (input: Input, signal: AbortSignal) => {
      texts.push(input.text);
      return body(input, texts.length, signal);
    },
  };
  const findings = new FindingStore(join(folder, 'findings'));
  const journal = new Journal(join(folder, 'journal.jsonl'), 'q');
  const over = hunt({
    sources: [{ generator, share: 1 }],
    executors: new Map([['calls', executor]]),
    seed: 7,
    jobs: 1,
    time: 3_600_000,
    executions: 12,
    journal,
    corpus: new Corpus(join(folder, 'corpus'), { maxBytes: 1e6, maxEntries: 10, rule: null }),
    findings,
    confirm: (finding) => Promise.resolve(finding),
    signal: new AbortController().signal,
    ...more,
  });
  return { over, texts, findings, journal };
}

const full = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

describe('a hunt', () => {
  it('stops at a kernel that hangs on everything, with one finding, and does not blame the lab', async () => {
    const hang = await ended('hang');
    const { over, texts, findings } = start(folderOf(), () => hang, { executions: 1000 });
    expect(await over).toMatchObject({ kind: 'stopped', infra: false, why: expect.stringContaining('hang') });
    expect(texts).toHaveLength(50);
    expect(findings.list).toMatchObject([{ outcome: 'hang', state: 'found', input: 0 }]);
  });

  it('ends if a kernel fails the sound scenario, and tries no other input', async () => {
    const climbed = {
      state: 'failed',
      why: 'the run without the faults ended in panic: Oops',
      outcome: 'panic',
    } as const;
    const unsound = () => requireSound({ kernels: ['a', 'b'] }, climbed);
    expect(() => requireSound({ kernels: ['a', 'b'] }, { ...climbed, outcome: 'infra' })).not.toThrow();
    expect(() => requireSound({ kernels: ['a', 'b'] }, { ...climbed, outcome: 'preserved' })).not.toThrow();
    const { over, texts, journal } = start(folderOf(), async () => {
      unsound();
      return ended('sound');
    });
    await expect(over).rejects.toThrow(/^a -> b fails without any change of the handover: .* in panic: Oops$/);
    await expect(over).rejects.toBeInstanceOf(UsageError);
    expect([texts.length, journal.totals.next]).toEqual([1, 0]);
  });

  it.each(['in a run', 'behind an error of the lab'])(
    'ends at a full disk %s, and runs that input again',
    async (at) => {
      const folder = folderOf();
      const sound = await ended('sound');
      const whole = start(folderOf(), () => sound);
      await whole.over;
      const error = at === 'in a run' ? full() : new LabError('cannot be written', { cause: full() });
      const cut = start(folder, (_, nth) => (nth === 5 ? Promise.reject(error) : sound));
      await expect(cut.over).rejects.toMatchObject({ hint: expect.stringContaining('the same command continues') });
      const rest = start(folder, () => sound);
      await rest.over;
      expect([...cut.texts.slice(0, 4), ...rest.texts]).toEqual(whole.texts);
      expect(rest.journal.totals.counts).toEqual(whole.journal.totals.counts);
    },
  );

  it('keeps a finding if the disk is full at its line in the journal', async () => {
    const folder = folderOf();
    const [sound, panic] = [await ended('sound'), await ended('panic')];
    const cut = start(folder, (_, nth) => (nth === 3 ? panic : sound));
    const add = cut.journal.add.bind(cut.journal);
    vi.spyOn(cut.journal, 'add').mockImplementation((line) => {
      if (line.i === 2) throw new LabError('the journal cannot be written', { cause: full() });
      add(line);
    });
    await expect(cut.over).rejects.toThrow('the journal cannot be written');
    expect(cut.findings.list).toMatchObject([{ outcome: 'panic', state: 'found' }]);
    // The input runs again and shows the same finding, which is still one.
    const confirmed: string[] = [];
    const rest = start(folder, (_, nth) => (nth === 1 ? panic : sound), {
      confirm: (finding) => (confirmed.push(finding.name), Promise.resolve(finding)),
    });
    await rest.over;
    expect(rest.journal.totals.next).toBe(12);
    expect(rest.findings.list).toHaveLength(1);
    expect(confirmed).toEqual([cut.findings.list[0]?.name]);
    expect(readdirSync(join(folder, 'findings'))).toHaveLength(1);
  });

  it('that is interrupted at any input goes on with it', async () => {
    const sound = await ended('sound');
    const whole = start(folderOf(), () => sound);
    await whole.over;
    for (let at = 1; at <= 12; at += 3) {
      const folder = folderOf();
      const stop = new AbortController();
      const cut = start(
        folder,
        (_, nth) => {
          if (nth === at) stop.abort(new Error('Ctrl-C'));
          return sound;
        },
        { signal: stop.signal },
      );
      await expect(cut.over).rejects.toThrow('Ctrl-C');
      const rest = start(folder, () => sound);
      await rest.over;
      expect(rest.texts).toEqual(whole.texts.slice(at - 1));
    }
  });

  it('that is interrupted while it confirms does so at its next start', async () => {
    const folder = folderOf();
    const [sound, panic] = [await ended('sound'), await ended('panic')];
    const stop = new AbortController();
    const cut = start(folder, (_, nth) => (nth === 2 ? panic : sound), {
      signal: stop.signal,
      confirm: () => {
        stop.abort(new Error('Ctrl-C'));
        return Promise.reject(new Error('aborted'));
      },
    });
    await expect(cut.over).rejects.toThrow('Ctrl-C');
    let confirmed = 0;
    const rest = start(folder, () => sound, { confirm: (finding) => (confirmed++, Promise.resolve(finding)) });
    await rest.over;
    expect(confirmed).toBe(1);
  });
});
