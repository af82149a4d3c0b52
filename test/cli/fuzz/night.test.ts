// SPDX-License-Identifier: Apache-2.0
// The hunt at the end of a night, with a hunt that is made up: what is kept of it, whatever ends it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectHunt, huntAtEnd, plannedHunt, type PlannedHunt } from '../../../src/cli/fuzz/night.js';
import type { HuntSetting } from '../../../src/cli/fuzz/hunt.js';
import { knownAs, parseKnown } from '../../../src/fuzz/findings/known.js';
import type { HostRule } from '../../../src/model/scenario/host-use.js';
import { packageRoot } from '../../../src/util/package-root.js';
import { parsePlan } from '../../../src/scenario/index.js';
import type { HuntReport } from '../../../src/model/hunt/hunt.js';
import { ruleWithin } from '../../../src/host/trust.js';
import { nightHuntLines, nightHuntStatus } from '../../../src/report/hunt/night.js';
import { readNightHunt } from '../../../src/store/matrix/hunt.js';
import { LabError } from '../../../src/util/errors.js';
import { findingOf, reportOf } from '../../report/hunt.js';
import { temporaryFolder } from '../../util/temporary.js';

let folder: string;
let stop: AbortController;
const settings: HuntSetting[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  stop = new AbortController();
  settings.length = 0;
  writeFileSync(join(folder, 'hunt.yaml'), 'seed: 3\ntime: 900\n');
});

function planned(more = '', rule = 'trusted'): PlannedHunt {
  const file = join(folder, 'p.yaml');
  writeFileSync(join(folder, 's.yaml'), '');
  const text = `scenarios: [{file: s.yaml, kernels: own}]\nfuzz: {plan: hunt.yaml${more}}\nlimits: {jobs: 3}\n`;
  const plan = parsePlan(text, file, { all: [], releases: [], problem: () => null });
  return huntOf(plan, rule === 'trusted' ? null : ruleWithin(folder));
}

function huntOf(plan: Parameters<typeof plannedHunt>[0], rule: HostRule | null = null): PlannedHunt {
  const hunt = plannedHunt(plan, rule, null);
  if (hunt === null) throw new Error('no hunt');
  return hunt;
}

/** Runs the end of a night. Its hunt did `done` in earlier nights, and goes as `body` says. */
async function night(body: (setting: HuntSetting) => HuntReport, done = 0) {
  mkdirSync(join(folder, 'm1'), { recursive: true });
  return huntAtEnd(planned(), {
    folder: join(folder, 'm1'),
    results: folder,
    accel: 'tcg',
    queue: null,
    signal: stop.signal,
    stream: { write: () => true },
    hunt: (setting) => {
      settings.push(setting);
      setting.before({ ms: done, executions: done, findings: [] });
      return Promise.resolve().then(() => body(setting));
    },
  });
}
const stored = () => readNightHunt(join(folder, 'm1'));

describe('the plan of a hunt at the end of a night', () => {
  it('has the time and the limits of the night', () => {
    expect(planned(', minutes: 5').plan).toMatchObject({ seed: 3, time: 300_000, jobs: 3 });
    expect(planned().plan).toMatchObject({ time: 900_000 });
    expect(planned().source).toContain('seed: 3');
  });

  it('may not write elsewhere, if it is data', () => {
    writeFileSync(join(folder, 'hunt.yaml'), 'corpus: /tmp/elsewhere\n');
    expect(() => planned('', 'data')).toThrow(/elsewhere/);
    expect(planned().plan.corpus).toBe('/tmp/elsewhere');
  });
});

describe('the hunt of the shipped night', () => {
  it('is a plan of this lab, and knows the bugs of the page of findings', () => {
    const fuzz = join(packageRoot(), 'scenarios/fuzz');
    const night = readFileSync(join(packageRoot(), 'scenarios/matrix/nightly.yaml'), 'utf8');
    expect(night).toContain('fuzz: {plan: ../fuzz/nightly.yaml');
    const limits = { jobs: null, memory: null, timeout: null };
    const hunt = huntOf({ fuzz: { file: join(fuzz, 'nightly.yaml'), ms: null }, limits });
    expect(hunt.plan.known).toBe(join(fuzz, 'nightly-known.yaml'));
    const known = parseKnown(readFileSync(join(fuzz, 'nightly-known.yaml'), 'utf8'), 'known.yaml');
    const title = 'Kernel panic: LUO: The incoming tree failed to initialize properly [-EINVAL]';
    expect(knownAs(title, ['7.3.4', '7.3.4'], known)?.reference).toContain('findings.md#a-sessions-name');
  });
});

describe('the hunt at the end of a night', () => {
  it('is kept when it has ended, and does not run again', async () => {
    const hunt = await night(() => reportOf({}));
    expect(hunt).toMatchObject({ state: 'ended', report: { executions: 10 } });
    expect(stored()).toEqual(hunt);
    expect(nightHuntStatus(hunt)).toBe(0);
    await night(() => reportOf({}));
    expect(settings).toHaveLength(1);
    expect(settings[0]?.folder).toMatch(/fuzz-hunt-[0-9a-f]{8}$/);
  });

  it('that is killed goes on with the same inputs to run', async () => {
    await expect(
      night((setting) => {
        setting.onReport(reportOf({ end: null, executions: 40 }));
        stop.abort(new Error('SIGKILL'));
        throw new Error('gone');
      }, 7),
    ).rejects.toThrow('SIGKILL');
    expect(stored()).toMatchObject({ state: 'open', report: { executions: 40 }, before: { executions: 7 } });
    expect(nightHuntStatus(stored())).toBe(3);
    expect(nightHuntLines(stored()).join()).toContain('--resume');
    stop = new AbortController();
    const hunt = await night(() => reportOf({}), 47);
    expect(hunt).toMatchObject({ state: 'ended', before: { executions: 7 } });
  });

  it('is open from the start of the night, so that a night that is killed before it is not good', async () => {
    mkdirSync(join(folder, 'm1'));
    expectHunt(planned(), join(folder, 'm1'));
    expect(nightHuntStatus(stored())).toBe(3);
    await night(() => reportOf({}));
    expectHunt(planned(), join(folder, 'm1'));
    expect(stored()?.state).toBe('ended');
  });

  it('whose file is damaged has no verdict, and runs again', async () => {
    await night(() => reportOf({ findings: [findingOf({})] }));
    writeFileSync(join(folder, 'm1', 'hunt.json'), '{"schema":1');
    expect(nightHuntStatus(stored())).toBe(3);
    expect(await night(() => reportOf({}))).toMatchObject({ state: 'ended' });
  });

  it('says that the lab could not hunt, and tries again with --resume', async () => {
    const hunt = await night(() => {
      throw new LabError('7.3.4 cannot be built');
    });
    expect(hunt).toMatchObject({ state: 'failed', why: '7.3.4 cannot be built' });
    expect(nightHuntStatus(hunt)).toBe(3);
    expect(nightHuntLines(hunt).join()).toContain('failed: 7.3.4 cannot be built');
    expect(await night(() => reportOf({}))).toMatchObject({ state: 'ended', why: null });
  });

  it('passes a full disk on, and stays open', async () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    await expect(
      night(() => {
        throw new LabError('cannot be written', { cause: full });
      }),
    ).rejects.toThrow('cannot be written');
    expect(stored()?.state).toBe('open');
  });

  it('fails the night with a bug that is not known, also one of an earlier night', async () => {
    for (const fresh of [true, false]) {
      const report = reportOf({ findings: [findingOf({ fresh })] });
      const hunt = { schema: 1 as const, plan: 'p', before: null, state: 'ended' as const, why: null, report };
      expect(nightHuntStatus(hunt)).toBe(1);
    }
    const hunt = await night(() => reportOf({ findings: [findingOf({ state: 'known' })] }));
    expect(nightHuntStatus(hunt)).toBe(0);
  });
});
