// SPDX-License-Identifier: Apache-2.0
// The effect of a scenario itself on an update that both images could complete.
import { describe, expect, it } from 'vitest';
import { predictScenario } from '../../../src/compat/index.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { stock } from './kernels.js';

const NEW = stock('7.3.4', 'kho-v4;luo-v5;memfd-v2');
const OLD = stock('7.3.4', 'kho-v3;luo-v5;memfd-v2');
const HEAD = 'from: a\nto: b\nexpect: leak\n';
const ONE = '  - {name: s, files: [{memfd: 4KiB}]}\n';

function predicted(text: string, from = NEW) {
  const { outcome, endsIn, reasons } = predictScenario(parseScenario(HEAD + text, 'x.yaml'), [from, NEW])!;
  return [outcome, endsIn, reasons[0]];
}

describe('a scenario that', () => {
  it.each([
    ['takes everything back', `sessions:\n${ONE}`, 'preserved', 'none', /agree/],
    ['calls the update off', `kexec: abort\nsessions:\n${ONE}`, 'refused', 'none', /calls the update off/],
    ['loads the old way', `kexec: legacy\nsessions:\n${ONE}`, 'lost', 'reboot', /kexec_load/],
    ['kills who holds the sessions', `kexec: kill-agent\nsessions:\n${ONE}`, 'lost', 'reboot', /killed/],
    [
      'does not ask a session back',
      `sessions:\n${ONE}  - {name: t, retrieve: false, files: [{memfd: 4KiB}]}\n`,
      'leak',
      'leak',
      /no step retrieves session t/,
    ],
    [
      'does not finish a session',
      'sessions:\n  - {name: s, finish: false, files: [{memfd: 4KiB}]}\n',
      'leak',
      'leak',
      /finishes session s/,
    ],
    ['leaves an empty session', `sessions:\n${ONE}  - {name: t, retrieve: false}\n`, 'preserved', 'none', /agree/],
  ])('%s', (_, text, outcome, endsIn, reason) => {
    expect(predicted(text)).toEqual([outcome, endsIn, expect.stringMatching(reason)]);
  });

  it('calls off the second update of a chain completes the first', () => {
    const chain = parseScenario(`chain: [a, b, c]\nexpect: refused\nkexec: abort\nsessions:\n${ONE}`, 'x.yaml');
    expect(predictScenario(chain, [NEW, NEW, NEW])?.outcome).toBe('refused');
    expect(predictScenario(chain, [OLD, NEW, NEW])?.outcome).toBe('lost');
  });

  it('seals a memfd: memfd-v1 does not carry it', () => {
    const sealed = 'sessions: [{name: s, files: [{memfd: 4KiB, seals: [grow]}]}]\n';
    expect(predicted(sealed)).toEqual(['preserved', 'none', expect.anything()]);
    const first = stock('7.3.4', 'kho-v4;luo-v5;memfd-v1');
    expect(predictScenario(parseScenario(HEAD + sealed, 'x.yaml'), [first, first])).toMatchObject({
      outcome: 'corrupt',
      endsIn: 'reboot',
    });
  });

  it.each([
    ['luo-v5', 'luo-v9', 'panic'],
    ['memfd-v2', 'memfd-v9', 'leak'],
    ['kho-v4', 'kho-v9', 'lost'],
    ['some text', 'other', 'preserved'],
  ])('writes over %s with %s: %s', (find, write, outcome) => {
    const faults = `faults: [{at: before-kexec, replace: {find: ${find}, with: ${write}}}]\n`;
    expect(predicted(`${faults}sessions:\n${ONE}`)[0]).toBe(outcome);
  });

  it.each([
    ['luo.version', 'luo-v9', 'panic'],
    ['file[s/1].compatible', 'memfd-v9', 'leak'],
    ['luo.number', '7', 'preserved'],
  ])('changes %s to %s: %s', (place, to, outcome) => {
    const faults = `faults: [{at: jump, change: {place: '${place}', to: ${to}}}]\n`;
    expect(predicted(`${faults}sessions:\n${ONE}`)[0]).toBe(outcome);
  });

  it('checks first: refuses an update that would fail, and continues a good one', () => {
    expect(predicted(`sessions:\n${ONE}`, OLD)[0]).toBe('lost');
    expect(predicted(`policy: check\nsessions:\n${ONE}`, OLD)).toEqual([
      'refused',
      'none',
      expect.stringContaining('policy check asks the running kernel first'),
    ]);
    expect(predicted(`policy: check\nsessions:\n${ONE}`)[0]).toBe('preserved');
  });
});
