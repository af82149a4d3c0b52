// SPDX-License-Identifier: Apache-2.0
// Areas that are reserved by the scenario's own words on the kernel command line.
import { expect, it } from 'vitest';
import { parseScenario } from '../../src/scenario/index.js';
import { takeAreas } from '../../src/scenario/reserve-mem.js';

it.each([
  ['reserve_mem=1M:4096:trace', 2 ** 20],
  ['reserve_mem=4K:4096:trace', 4096],
  ['reserve_mem=0x2000:0x1000:trace', 8192],
  ['reserve_mem=8192:4k:trace', 8192],
])('%s of every kernel is an area of %i bytes', (word, size) => {
  expect(takeAreas([`quiet ${word}`, `${word} debug`])).toEqual({
    cmdlines: ['quiet', 'debug'],
    areas: [{ name: 'trace', size }],
  });
});

it.each([
  ['only one kernel asks for', ['reserve_mem=1M:4096:trace', '']],
  ['the kernels ask for in other sizes', ['reserve_mem=1M:4096:trace', 'reserve_mem=2M:4096:trace']],
  ['is aligned otherwise', ['reserve_mem=1M:2M:trace', 'reserve_mem=1M:2M:trace']],
])('an area that %s stays on the command line', (_, cmdlines) => {
  expect(takeAreas(cmdlines)).toEqual({ cmdlines, areas: [] });
});

it('is filled and judged like one of reserveMem', () => {
  const head = 'from: a\nto: b\nsessions: [{name: s}]\n';
  const [raw, named] = [
    parseScenario(`${head}cmdline: {all: "reserve_mem=1M:4096:trace quiet"}\n`, 'x.yaml'),
    parseScenario(`${head}cmdline: {all: quiet}\nreserveMem: [{name: trace, size: 1MiB}]\n`, 'x.yaml'),
  ];
  expect(raw.reserveMem).toEqual(named.reserveMem);
  expect(raw.cmdlines).toEqual(named.cmdlines);
});

it('twice the same area is an error', () => {
  const text =
    'from: a\nto: b\nsessions: [{name: s}]\ncmdline: {all: "reserve_mem=1M:4096:trace"}\n' +
    'reserveMem: [{name: trace, size: 1MiB}]\n';
  expect(() => parseScenario(text, 'x.yaml')).toThrow(/"trace" exists already/);
});
