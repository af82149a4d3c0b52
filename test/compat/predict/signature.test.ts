// SPDX-License-Identifier: Apache-2.0
// What a kernel refuses to load.
import { describe, expect, it } from 'vitest';
import { predictScenario } from '../../../src/compat/index.js';
import type { LoadingRules } from '../../../src/model/kernel/image.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { stock } from './kernels.js';

const PLAIN = stock('7.3.4', 'kho-v4;luo-v5;memfd-v2');
const SESSIONS = 'sessions: [{name: s, files: [{memfd: 4KiB}]}]\n';
const LOCKED = 'cmdline: {from: lockdown=integrity}\n';

function predicted(loading: LoadingRules, text: string) {
  const from = { ...PLAIN, boot: { initSize: null, runtime: null, handoverDebug: null, loading } };
  const scenario = parseScenario(`from: a\nto: b\nexpect: refused\n${text}`, 'x.yaml');
  const { outcome, where, reasons } = predictScenario(scenario, [from, PLAIN])!;
  return [outcome, outcome === 'refused' ? where : null, reasons[0]];
}

describe('a kernel that can be locked down', () => {
  const checks: LoadingRules = { lockdown: 'on-demand', signature: 'in-lockdown' };
  it.each<[string, string, string, RegExp]>([
    ['is not, and loads anything', SESSIONS, 'preserved', /agree/],
    ['wants a signature', LOCKED + SESSIONS, 'refused', /locked down.*is not signed/],
    ['wants one of a key that it knows', `${LOCKED}sign: stranger\n${SESSIONS}`, 'refused', /does not know/],
    ['accepts that', `${LOCKED}sign: trusted\n${SESSIONS}`, 'preserved', /agree/],
    ['refuses kexec_load', `${LOCKED}sign: trusted\nkexec: legacy\n${SESSIONS}`, 'refused', /kexec_load/],
    ['is not, by a word that it does not know', `cmdline: {from: lockdown=none}\n${SESSIONS}`, 'preserved', /agree/],
  ])('%s', (_, text, outcome, reason) =>
    expect(predicted(checks, text)).toEqual([
      outcome,
      expect.toBeOneOf([null, expect.any(String)]),
      expect.stringMatching(reason),
    ]),
  );

  it('and checks no signature loads an image without one', () =>
    expect(predicted({ ...checks, signature: 'never' }, LOCKED + SESSIONS)[0]).toBe('preserved'));
});

it('a kernel that is always locked down, or always wants a signature', () => {
  expect(predicted({ lockdown: 'always', signature: 'in-lockdown' }, SESSIONS)[0]).toBe('refused');
  expect(predicted({ lockdown: 'never', signature: 'always' }, SESSIONS)[0]).toBe('refused');
  expect(predicted({ lockdown: 'never', signature: 'always' }, `sign: trusted\n${SESSIONS}`)[0]).toBe('preserved');
});
