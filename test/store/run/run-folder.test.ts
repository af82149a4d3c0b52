// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/model/result/event.js';
import { OUTCOMES } from '../../../src/model/result/outcome.js';
import { resultJsonSchema } from '../../../src/store/run/result-schema.js';
import { readResult, runId, RunFolder } from '../../../src/store/run/run-folder.js';
import { LabError } from '../../../src/util/errors.js';
import { packageRoot } from '../../../src/util/package-root.js';
import { RESULT_SCHEMA } from '../../../src/model/result/result.js';
import { resultOf } from '../../report/result.js';
import { temporaryFolder } from '../../util/temporary.js';

const EVENT: Event = { t: 1, epoch: 0, kind: 'note', text: 'hello' };

describe('the folder of a run', () => {
  it('is hidden until it is complete', () => {
    const results = join(temporaryFolder(), 'not there yet', 'results');
    const folder = new RunFolder(results, 'run-1');
    folder.event(EVENT);
    folder.console(Buffer.from([0x80, 10]));
    folder.line('qmp', 2, 'out', '{"execute":"stop"}');
    folder.line('agent', 3, 'in', '{"id":1}\u0000');
    expect(readdirSync(results)).toEqual(['.partial-run-1']);
    const result = resultOf('preserved');
    expect(folder.finish(result, 'name: x\n')).toBe(join(results, 'run-1'));
    expect(readdirSync(results)).toEqual(['run-1']);
    expect(readdirSync(folder.path).sort()).toEqual([
      'agent.jsonl',
      'console.log',
      'events.jsonl',
      'qemu.txt',
      'qmp.jsonl',
      'result.json',
      'scenario.yaml',
    ]);
    const text = (name: string) => readFileSync(join(folder.path, name), 'utf8');
    expect(JSON.parse(text('events.jsonl'))).toEqual(EVENT);
    expect(JSON.parse(text('agent.jsonl'))).toEqual({ t: 3, direction: 'in', text: '{"id":1}\0' });
    expect([...readFileSync(join(folder.path, 'console.log'))]).toEqual([0x80, 10]);
    expect(text('qemu.txt')).toBe(`${result.qemu.commandLine}# The lab started it in a sandbox (bwrap):\n# bwrap\n`);
    expect(text('scenario.yaml')).toBe('name: x\n');
    expect(readResult(folder.path)).toEqual(result);
    expect(folder.failed.aborted).toBe(false);
  });

  it('that is discarded leaves nothing and accepts nothing more', () => {
    const results = temporaryFolder();
    const folder = new RunFolder(results, 'run-1');
    folder.event(EVENT);
    folder.discard();
    folder.event(EVENT);
    folder.discard();
    expect(readdirSync(results)).toEqual([]);
    expect(folder.failed.aborted).toBe(false);
  });

  it('leaves no descriptor open in either case', () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const results = temporaryFolder();
    new RunFolder(results, 'warm-up').discard();
    const before = open();
    for (let i = 0; i < 10; i++) new RunFolder(results, `a${i}`).discard();
    for (let i = 0; i < 10; i++) new RunFolder(results, `b${i}`).finish(resultOf('preserved'), '');
    expect(open()).toBe(before);
  });

  it.runIf(existsSync('/dev/full'))('on a disk that is full at the very end says so, and nothing of it stays', () => {
    const results = temporaryFolder();
    const folder = new RunFolder(results, 'run-1');
    symlinkSync('/dev/full', join(results, '.partial-run-1', 'result.json'));
    expect(() => folder.finish(resultOf('preserved'), '')).toThrow(
      expect.objectContaining({ name: 'LabError', message: expect.stringContaining('ENOSPC') as string }),
    );
    folder.discard();
    expect(readdirSync(results)).toEqual([]);
  });

  it.runIf(existsSync('/dev/full'))('on a disk that is full before the end says so, too', () => {
    const results = temporaryFolder();
    const folder = new RunFolder(results, 'run-1');
    symlinkSync('/dev/full', join(results, '.partial-run-1', 'recipe.json'));
    expect(() => folder.writeFile('recipe.json', 'text')).toThrow(LabError);
    folder.discard();
    expect(readdirSync(results)).toEqual([]);
  });

  it.runIf(existsSync('/dev/full'))('on a full disk ends the run, and says so once', () => {
    const results = temporaryFolder();
    mkdirSync(join(results, '.partial-run-1'));
    symlinkSync('/dev/full', join(results, '.partial-run-1', 'events.jsonl'));
    const folder = new RunFolder(results, 'run-1');
    folder.console(Buffer.from('fits'));
    expect(folder.failed.aborted).toBe(false);
    folder.event(EVENT);
    expect(folder.failed.reason).toBeInstanceOf(LabError);
    expect(folder.failed.reason).toMatchObject({
      message: expect.stringContaining('ENOSPC') as string,
      hint: expect.stringContaining('--results') as string,
    });
    folder.event(EVENT);
    folder.console(Buffer.from('nobody reads this'));
    folder.discard();
    expect(readdirSync(results)).toEqual([]);
  });

  it('has a name that sorts by time and is a single plain file name', () => {
    const id = runId(new Date('2026-03-04T05:06:07.890Z'), 'a/../b c', [
      '/odd path/to/../bzImage',
      '7.3.4',
      'x'.repeat(300),
    ]);
    expect(id).toMatch(/^20260304-050607-[A-Za-z0-9._-]+$/);
    expect(id.length).toBeLessThan(160);
    expect(runId(new Date(), 'x', [])).not.toBe(runId(new Date(), 'x', []));
  });
});

describe('a result that is read', () => {
  const written = (text: string) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'result.json'), text);
    return dir;
  };

  it.each(OUTCOMES)('%s', (outcome) => {
    const result = resultOf(outcome);
    expect(readResult(written(JSON.stringify(result)))).toEqual(result);
  });

  const good = resultOf('panic');
  it.each<[string, string]>([
    ['empty', ''],
    ['cut off', JSON.stringify(good).slice(0, -20)],
    ['null', 'null'],
    ['another thing', '{"name":"x"}'],
    ['of a newer lab', JSON.stringify({ ...good, schema: RESULT_SCHEMA + 1 })],
    ['with an outcome that is none', JSON.stringify({ ...good, outcome: 'fine' })],
    ['with a number in words', JSON.stringify({ ...good, memory: { ...good.memory, pagesLost: '5' } })],
    ['with less than nothing', JSON.stringify({ ...good, memory: { ...good.memory, pagesLost: -1 } })],
    ['with an infinite number', JSON.stringify({ ...good, durations: { total: Number.POSITIVE_INFINITY } })],
    ['without its cause', JSON.stringify({ ...good, cause: undefined })],
  ])('is refused where it is %s', (_, text) => expect(() => readResult(written(text))).toThrow());

  it.each([1, 2, 3])('of schema %i still counts, although it does not say what the run started from', (schema) => {
    const { snapshot: _, ...rest } = good;
    expect(readResult(written(JSON.stringify({ ...rest, schema })))).toEqual({ ...good, schema, snapshot: null });
  });

  it.each([{ rung: 'jump', key: 'a1', savedAt: '2026-01-01T00:00:00.000Z' }, { none: 'asked to boot' }])(
    'says that it started from %j',
    (snapshot) => expect(readResult(written(JSON.stringify({ ...good, snapshot })))).toEqual({ ...good, snapshot }),
  );

  it.each([{ rung: 'top', key: 'a1', savedAt: 'x' }, { rung: 'jump' }, 'jump', {}])(
    'is refused if it started from %j',
    (snapshot) => expect(() => readResult(written(JSON.stringify({ ...good, snapshot })))).toThrow(),
  );

  it.each([1, 2])('of schema %i still counts, although nobody measured the loop of its lab', (schema) => {
    const { loopDelay: _, ...lab } = good.lab;
    expect(readResult(written(JSON.stringify({ ...good, schema, lab })))).toEqual({
      ...good,
      schema,
      lab: { ...lab, loopDelay: null },
    });
  });

  it('is refused if it does not exist', () => expect(() => readResult(temporaryFolder())).toThrow('ENOENT'));
});

describe('the committed schema of results', () => {
  it('is the one that the lab checks with; npm run schema writes it', () => {
    expect(readFileSync(join(packageRoot(), 'schema/result.schema.json'), 'utf8')).toBe(
      `${JSON.stringify(resultJsonSchema(), null, 2)}\n`,
    );
  });
});
