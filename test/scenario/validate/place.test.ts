// SPDX-License-Identifier: Apache-2.0
// Changes of the handover: how to write them, and the messages for impossible ones.
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../src/model/scenario/scenario.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { parsePlace, PLACE_TEMPLATES } from '../../../src/scenario/validate/place.js';
import { problemsOf } from '../problems.js';

const HEAD =
  'from: a\nto: b\nexpect: leak\nsessions:\n  - name: a/vm0\n    files:\n      - {name: ram, memfd: ' +
  '1MiB, token: 5}\nfaults:\n';
const STEPS =
  'from: a\nto: b\nexpect: leak\nsteps:\n  - create: s\n  - memfd: {name: f, size: 8KiB}\n  - preserve: ' +
  '{session: s, file: f, token: 3}\n';

function faults(text: string): Extract<Fault, { kind: 'change' }>[] {
  return parseScenario(text, 'x.yaml').steps.flatMap((step) =>
    step.op === 'fault' && step.fault.kind === 'change' ? [step.fault] : [],
  );
}

const problems = (text: string): string[] => problemsOf(() => parseScenario(text, 'x.yaml'));

describe('a change', () => {
  const FILE = { session: 'a/vm0', file: '5', token: 5 };
  test.each([
    ['{place: luo.version, to: luo-v9}', { of: 'luo', field: 'version' }, { how: 'text', text: 'luo-v9' }],
    ['{place: kho.root, to: 0}', { of: 'kho', field: 'root' }, { how: 'number', value: '0' }],
    [
      '{place: "session[a/vm0].count", add: -1}',
      { of: 'session', session: 'a/vm0', field: 'count' },
      { how: 'add', value: '-1' },
    ],
    [
      '{place: "session[a/vm0].count", add: "-0x10"}',
      { of: 'session', session: 'a/vm0', field: 'count' },
      { how: 'add', value: '-16' },
    ],
    [
      '{place: "memfd[a/vm0/5].folio[17].pfn", to: 0x12345}',
      { of: 'folio', file: FILE, folio: 17, field: 'pfn' },
      { how: 'number', value: '74565' },
    ],
    [
      '{place: "memfd[a/vm0/5].folios.first", to: "0xfffffffffffff000"}',
      { of: 'memfd', file: FILE, field: 'folios.first' },
      { how: 'number', value: '0xfffffffffffff000' },
    ],
    [
      '{place: "content[a/vm0/ram].page[3].byte[9]", flip: 0x10}',
      { of: 'content', file: { ...FILE, file: 'ram' }, page: 3, byte: 9 },
      { how: 'flip', mask: '16' },
    ],
    ['{place: sessions.next, self: true}', { of: 'sessions', field: 'next' }, { how: 'self' }],
    [
      '{place: "session[a/vm0].files", copy: luo.sessions_pa}',
      { of: 'session', session: 'a/vm0', field: 'files' },
      { how: 'copy', text: 'luo.sessions_pa', place: { of: 'luo', field: 'sessions_pa' } },
    ],
    [
      '{place: luo.sessions_pa, address: "file[a/vm0/ram].token"}',
      { of: 'luo', field: 'sessions_pa' },
      { how: 'address', place: { of: 'file', file: { ...FILE, file: 'ram' }, field: 'token' } },
    ],
    ['{place: "kho.node[LUO]", remove: true}', { of: 'node', name: 'LUO', field: 'whole' }, { how: 'remove' }],
  ])('%s', (change, place, how) => {
    const [fault] = faults(`${HEAD}  - {at: jump, change: ${change}}\n`);
    expect(fault).toMatchObject({ place, change: how, side: 'outgoing' });
    expect(JSON.parse(JSON.stringify(fault))).toEqual(fault);
  });

  test('after the kexec changes the incoming handover', () => {
    const at = (moment: string) => faults(`${HEAD}  - {at: ${moment}, change: {place: kho.root, to: 0}}\n`)[0]?.side;
    expect(['before-kexec', 'jump', 'next-kernel', 'before-finish'].map(at)).toEqual([
      'outgoing',
      'outgoing',
      'incoming',
      'incoming',
    ]);
  });

  test('as a step', () => {
    const change = 'change: {place: "file[s/f].token", add: 1}';
    const changes = faults(
      `${STEPS}  - fault: {${change}}\n  - fault: {at: jump, ${change}}\n  - kexec\n  - fault: {${change}}\n`,
    );
    expect(changes.map(({ side, place }) => [side, 'file' in place ? place.file.token : null])).toEqual([
      ['outgoing', 3],
      ['outgoing', 3],
      ['incoming', 3],
    ]);
  });
});

test.each([
  [
    '{place: luo.verison, to: x}',
    '9:32 expected a place of the handover, found "luo.verison"; did you mean "luo.version"?',
  ],
  [
    '{place: "memfd[a/vm0/5].folio[1].pfm", to: 1}',
    '9:32 expected a place of the handover, found "memfd[a/vm0/5].folio[1].pfm"; ' +
      'did you mean "memfd[SESSION/FILE].folio[N].pfn"?',
  ],
  ['{place: nonsense, to: 1}', '9:32 expected a place of the handover, found "nonsense"; docs/scenario.md lists them'],
  [
    '{place: "session[].count", to: 1}',
    '9:32 expected a name in the brackets of "session[].count"; write session[SESSION].count',
  ],
  ['{place: "file[vm0].data", to: 1}', '9:32 expected SESSION/TOKEN or SESSION/FILE in brackets, found "vm0"'],
  ['{place: "memfd[a/vm0/5].folio[x].pfn", to: 1}', '9:32 expected the number of a folio in brackets, found "x"'],
  ['{place: "content[a/vm0/5].page[1].byte[4096]", flip: 1}', '9:32 expected a byte below 4096, found 4096'],
  ['{place: "session[vm0].count", to: 1}', '9:32 no session "vm0" was created before; there is a/vm0'],
  ['{place: "file[a/vm0/6].data", to: 1}', '9:32 no file "6" of session "a/vm0" was preserved before'],
  [
    '{place: "file[a/vm0/rma].data", to: 1}',
    '9:32 no file "rma" of session "a/vm0" was preserved before; did you mean "ram"?',
  ],
  ['{place: luo.version}', '9:24 expected exactly one of to, add, flip, self, copy, address, remove'],
  ['{place: luo.number, to: 1, add: 1}', '9:24 expected exactly one of to, add, flip, self, copy, address, remove'],
  ['{place: luo.number, to: many}', '9:48 "luo.number" is a number; expected a whole number, found "many"'],
  ['{place: luo.number, to: -1}', '9:48 expected'],
  ['{place: luo.version, to: 9}', '9:49 "luo.version" is text; expected text, found the number 9'],
  ['{place: luo.version, add: 9}', '9:50 "luo.version" is text; expected a whole number to add to a number'],
  [
    '{place: luo.number, self: true}',
    '9:50 "luo.number" is a number; only an address can be made to point to its own structure',
  ],
  [
    '{place: sessions.count, remove: true}',
    '9:56 "sessions.count" is a number; only a property or a node of a tree can be removed',
  ],
  ['{place: "kho.node[LUO]", to: 1}', '9:53 "kho.node[LUO]" is a node of a tree; expected remove'],
  ['{plaec: luo.version, to: 9}', '9:16 missing key "place"', '9:25 unknown key "plaec"; did you mean "place"?'],
  ['{place: luo.number, self: false}', '9:50 expected true'],
  ['{place: luo.number, copy: luo.version}', '9:50 "luo.number" is a number, but "luo.version" is text'],
  ['{place: luo.number, copy: "kho.node[LUO]"}', '9:50 "luo.number" is a number; only a number, an address or text'],
  ['{place: luo.number, address: luo.size}', '9:53 "luo.number" is a number; only an address can be made to point'],
  ['{place: luo.number, copy: luo.nubmer}', '9:50 expected a place of the handover, found "luo.nubmer"; did you'],
  ['{place: luo.number, copy: "file[a/vm0/6].data"}', '9:50 no file "6" of session "a/vm0" was preserved before'],
])('%s', (change, ...expected) => {
  const messages = problems(`${HEAD}  - {at: jump, change: ${change}}\n`);
  expect(messages.map((problem, index) => problem.slice(0, expected[index]?.length))).toEqual(expected);
});

test('parses every place', () => {
  for (const template of PLACE_TEMPLATES) {
    const text = template
      .replace('SESSION/FILE', 'vm0/7')
      .replace('SESSION', 'vm0')
      .replace('NAME', 'LUO')
      .replaceAll('N]', '1]');
    expect(parsePlace(text), text).toHaveProperty('place');
  }
});
