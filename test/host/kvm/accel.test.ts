// SPDX-License-Identifier: Apache-2.0
// Several runs that start at once ask KVM once, and what is remembered afterwards.
import { expect, it } from 'vitest';
import { answerFor } from '../../../src/host/accel.js';
import type { ProbeAnswer } from '../../../src/host/kvm/failure.js';
import { answersFile, readAnswers } from '../../../src/host/kvm/memory.js';
import { deferred } from '../../../src/util/deadline.js';
import { temporaryFolder } from '../../util/temporary.js';
import { HOST } from './host.js';

function asker(cacheDir = temporaryFolder()) {
  const probes: ReturnType<typeof deferred<ProbeAnswer>>[] = [];
  const signal = new AbortController();
  const reports: string[] = [];
  const ask = () =>
    answerFor(HOST, {
      about: 'kvm',
      cacheDir,
      signal: signal.signal,
      report: (text) => void reports.push(text),
      probe: () => {
        const probe = deferred<ProbeAnswer>();
        probes.push(probe);
        return probe.promise;
      },
    });
  return { ask, probes, reports, signal, stored: () => readAnswers(answersFile(cacheDir)) };
}

const until = (what: () => boolean) => expect.poll(what, { interval: 5 }).toBe(true);

it.each(['works', 'refused', 'unknown'] as const)('runs that start at once share one answer: %s', async (verdict) => {
  const { ask, probes, reports } = asker();
  const first = ask();
  await until(() => probes.length === 1);
  const second = ask();
  await until(() => reports.includes('another run is trying a kernel on KVM'));
  probes[0]?.resolve({ verdict, why: 'because' });
  expect((await first).verdict).toBe(verdict);
  expect(await second).toEqual(await first);
  expect(probes).toHaveLength(1);
});

it('a later run asks again only if there was no verdict', async () => {
  const { ask, probes } = asker();
  const first = ask();
  await until(() => probes.length === 1);
  probes[0]?.resolve({ verdict: 'unknown', why: 'the host was busy' });
  const { at } = await first;
  await until(() => Date.now() > Date.parse(at));
  const second = ask();
  await until(() => probes.length === 2);
  probes[1]?.resolve({ verdict: 'refused', why: 'hangs' });
  expect((await second).verdict).toBe('refused');
  expect((await ask()).why).toBe('hangs');
  expect(probes).toHaveLength(2);
});

it('an aborted probe stores nothing', async () => {
  const { ask, probes, signal, stored } = asker();
  const run = ask();
  await until(() => probes.length === 1);
  signal.abort(new Error('Ctrl-C'));
  probes[0]?.resolve({ verdict: 'refused', why: 'the machine was ended' });
  await expect(run).rejects.toThrow('Ctrl-C');
  expect(stored()).toEqual([]);
});
