// SPDX-License-Identifier: Apache-2.0
// Inputs that change the handover: valid scenarios, the same for a seed, and of every field that a format has.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Bytes, type BytesOptions } from '../../../src/fuzz/bytes/bytes.js';
import { fieldsOf } from '../../../src/fuzz/bytes/fields.js';
import type { Input } from '../../../src/fuzz/input.js';
import type { Fault } from '../../../src/model/scenario/scenario.js';
import { parseScenario, PLACE_TEMPLATES } from '../../../src/scenario/index.js';
import { Random } from '../../../src/util/random.js';

const BASES = ['files', 'blocks'].map((name) => ({
  name,
  text: readFileSync(`scenarios/fuzz/bases/${name}.yaml`, 'utf8'),
}));
const COUNT = 600;

function bytes(options: Partial<BytesOptions> = {}): Bytes {
  return new Bytes({ bases: BASES, from: '7.3.4', to: '7.2.12', series: '7.3', ...options });
}

function changes({ scenario }: Input): Extract<Fault, { kind: 'change' }>[] {
  return scenario.steps.flatMap((step) => (step.op === 'fault' && step.fault.kind === 'change' ? [step.fault] : []));
}

function inputs(count: number, generator = bytes(), random = new Random(1)): Input[] {
  return Array.from({ length: count }, () => generator.fresh(random));
}

const MANY = inputs(COUNT);

describe('an input', () => {
  it('is a scenario that its text gives again, on the kernels that are asked for', () => {
    for (const input of MANY.slice(0, 100)) {
      expect(parseScenario(input.text, 'bytes.yaml')).toEqual(input.scenario);
      expect(input.scenario.kernels).toEqual(['7.3.4', '7.2.12']);
      expect(changes(input).length).toBeGreaterThan(0);
      expect(changes(input).length).toBeLessThanOrEqual(3);
    }
  });

  it('is the same for the same seed', () => {
    const texts = (seed: number) => inputs(20, bytes(), new Random(seed)).map(({ text }) => text);
    expect(texts(7)).toEqual(texts(7));
    expect(texts(7)).not.toEqual(texts(8));
  });

  it('has valid versions unless it changes one, or takes a part away', () => {
    const all = MANY;
    for (const input of all) {
      const versions = changes(input).filter(
        ({ text, change }) =>
          /\.(version|compatible)$|^kho\.root$|^kho\.node\[.*\]\.data$/.test(text) || change.how === 'remove',
      );
      expect(input.versionsValid, input.text).toBe(versions.length === 0);
    }
    expect(all.filter(({ versionsValid }) => versionsValid).length).toBeGreaterThan(COUNT / 2);
    expect(all.filter(({ versionsValid }) => !versionsValid).length).toBeGreaterThan(COUNT / 50);
  });
});

describe('all inputs together', () => {
  const shape = (text: string) => text.replace(/\[[^\]]*\]/g, '[]');
  const hit = (all: readonly Input[]) => new Set(all.flatMap((input) => changes(input).map(({ text }) => shape(text))));

  it('reach every place of a format', () => {
    const places = PLACE_TEMPLATES.filter((template) => !/^(memblock|reserve-mem)/.test(template)).map(shape);
    // Since 7.2 sessions and FLBs have no version of their own.
    const own = places.filter((place) => place !== 'sessions.version' && place !== 'flbs.version');
    expect([...hit(MANY)].toSorted()).toEqual([...new Set(own)].toSorted());
  });

  it('leave out what another format has', () => {
    const old = hit(inputs(COUNT / 2, bytes({ series: '6.19' })));
    for (const place of ['files[].count', 'files[].next', 'sessions.next', 'flbs.count'])
      expect(old.has(place), place).toBe(false);
    expect(old.has('sessions.version')).toBe(true);
  });

  it('use every way to change a value', () => {
    const ways = new Set(MANY.flatMap((input) => changes(input).map(({ change }) => change.how)));
    expect([...ways].toSorted()).toEqual(['add', 'address', 'copy', 'flip', 'number', 'remove', 'self', 'text']);
  });
});

describe('a neighbour of an input', () => {
  it('has one change more, one less, or another one', () => {
    const random = new Random(3);
    const generator = bytes();
    const seen = new Set<string>();
    for (const input of inputs(60, generator, random)) {
      const before = changes(input).map(({ text }) => text);
      const neighbour = generator.mutate(input, random);
      const after = changes(neighbour).map(({ text }) => text);
      expect(Math.abs(after.length - before.length)).toBeLessThanOrEqual(1);
      expect(parseScenario(neighbour.text, 'bytes.yaml')).toEqual(neighbour.scenario);
      seen.add(String(Math.sign(after.length - before.length)));
    }
    expect([...seen].toSorted()).toEqual(['-1', '0', '1']);
  });

  it('never grows without end', () => {
    const random = new Random(4);
    const generator = bytes();
    let input = generator.fresh(random);
    for (let i = 0; i < 60; i++) input = generator.mutate(input, random);
    expect(changes(input).length).toBeLessThanOrEqual(6);
  });
});

it('fields without a file or a session are left out', () => {
  const empty = parseScenario('from: a\nto: b\nexpect: preserved\nsessions: []\n', 'x.yaml');
  const found = fieldsOf(empty, '7.3', new Random(1)).map(({ text }) => text);
  expect(found).toContain('luo.sessions_pa');
  expect(found.filter((text) => /^(session\[|file|memfd|content)/.test(text))).toEqual([]);
});
