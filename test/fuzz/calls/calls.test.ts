// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { CallsGenerator } from '../../../src/fuzz/calls/calls.js';
import { sequenceOf } from '../../../src/fuzz/calls/operation.js';
import { replay } from '../../../src/fuzz/calls/replay.js';
import { limitsOf } from '../../../src/fuzz/calls/limits.js';
import { rulesOf } from '../../../src/fuzz/calls/series.js';
import { textOf } from '../../../src/fuzz/calls/text.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { Random } from '../../../src/util/random.js';
import { STRUCTURES } from './structures.js';

const CHAINS = [
  ['7.3.4', '7.3.4'],
  ['7.2.12', '7.3.4', '7.2.12'],
  ['6.19.11', '6.19.11'],
];
const calls = new CallsGenerator({ chains: CHAINS, structures: () => STRUCTURES });
const facts = (name: string) => ({
  rules: rulesOf(name),
  limits: limitsOf(rulesOf(name), STRUCTURES),
  failsAllocations: false,
});
const SEEDS = Array.from({ length: 400 }, (_, index) => index);

describe('sequences of calls', () => {
  it('are valid scenarios, and their text gives the same sequence and the same answers back', () => {
    for (const seed of SEEDS) {
      // The parser follows sessions, files and clients on its own: it throws where the model is wrong.
      const { scenario, text } = calls.fresh(new Random(seed));
      const { steps, model } = replay(sequenceOf(scenario), facts);
      expect(textOf(sequenceOf(scenario), steps, model.end()), `seed ${seed}`).toBe(text);
    }
  }, 120_000);

  it('stay valid when they are mutated, and get the answers that are right then', () => {
    for (const seed of SEEDS.slice(0, 120)) {
      const random = new Random(seed);
      let input = calls.fresh(random);
      for (let times = 0; times < 3; times++) input = calls.mutate(input, random);
      const { steps, model } = replay(sequenceOf(input.scenario), facts);
      expect(textOf(sequenceOf(input.scenario), steps, model.end()), `seed ${seed}`).toBe(input.text);
    }
  }, 120_000);

  it('are the same for the same seed, and differ between seeds', () => {
    const texts = SEEDS.slice(0, 50).map((seed) => calls.fresh(new Random(seed)).text);
    expect(SEEDS.slice(0, 50).map((seed) => calls.fresh(new Random(seed)).text)).toEqual(texts);
    expect(new Set(texts).size).toBeGreaterThan(45);
  });

  it('have every kind of end that a right run can have', () => {
    const outcomes = new Set(SEEDS.slice(0, 200).map((seed) => calls.fresh(new Random(seed)).scenario.expect.outcome));
    expect([...outcomes].toSorted()).toEqual(['corrupt', 'leak', 'lost', 'preserved', 'refused']);
  });

  it('try the limits of the structures: a full block of sessions, and one more after a name that is taken', () => {
    const full = SEEDS.slice(0, 200).filter((seed) => {
      const { scenario } = calls.fresh(new Random(seed));
      return scenario.steps.filter(({ op, errno }) => op === 'create' && errno === null).length === 51;
    });
    expect(full.length).toBeGreaterThan(0);
  });
});

describe('a sequence that was changed by hand', () => {
  const again = (operations: string) => {
    const text = `from: 7.3.4\nto: 7.3.4\nsteps:${operations}`;
    const { steps, model } = replay(sequenceOf(parseScenario(text, 'x.yaml')), facts);
    return textOf({ kernels: ['7.3.4', '7.3.4'], cmdline: '' }, steps, model.end());
  };

  it('lacks memory for its argument or its answer, or a descriptor: it has failed, and changes nothing', () => {
    const text = again(`
  - create: a
  - ioctl: {device: true, command: create, bytes: "0000000061", without: answer}
  - ioctl: {device: true, command: create, bytes: "0000000062", without: answer}
  - ioctl: {device: true, command: create, bytes: "0000000062", without: descriptor}
  - ioctl: {session: a, command: finish, without: argument}
  - create: b
  - kexec
  - open
  - ioctl: {device: true, command: retrieve-session, bytes: "0000000061", without: answer}
  - retrieve: a
`);
    const errnos = [...text.matchAll(/without: \w+, errno: (\w+)/g)].map(([, errno]) => errno);
    expect(errnos).toEqual(['EEXIST', 'EFAULT', 'EMFILE', 'EFAULT', 'EFAULT']);
    expect(text).toMatch(/- \{ create: b \}/);
    expect(text).toMatch(/- \{ retrieve: a \}/);
  });

  it('gets the errno that the kernel owes', () => {
    const text = again(`
  - create: a
  - create: {session: a, errno: EIO}
  - memfd: {name: f, size: 4096}
  - preserve: {session: a, file: f, token: 1}
  - truncate: {file: f, size: 1, errno: EIO}
  - seal: {file: f, seals: [grow], errno: EIO}
  - kexec
  - retrieve: {session: a, token: 1, as: f, errno: EIO}
  - retrieve: a
  - retrieve: {session: a, token: 2, as: g, errno: EIO}
`);
    expect(text).toContain('create: { session: a, errno: EEXIST }');
    expect(text).toContain('size: 1, errno: EPERM');
    expect(text).toContain('seals: [ grow ], errno: EPERM');
    expect(text).toContain('as: g, errno: ENOENT');
    // The file that nobody retrieves stays.
    expect(text).toContain('expect: leak');
  });

  it('lets calls of the same moment have the answers of either order, if both orders leave the same behind', () => {
    const text = again(`
  - create: a
  - memfd: {name: f, size: 4096}
  - preserve: {session: a, file: f, token: 1}
  - kexec
  - client: b
  - retrieve: a
  - retrieve: {session: a, token: 1, as: f}
  - pass: {session: a, to: b}
  - close: a
  - close: {session: a, client: b, during: next}
  - retrieve: {session: a, errno: EIO}
`);
    expect(text).toContain('close: { session: a, client: b, during: next } }');
    expect(text).toContain('retrieve: { session: a, errno: [ EINVAL, ENOENT ] } }');
  });

  it('retrieves a file that was preserved during the kexec, and may be there or not', () => {
    const text = again(`
  - client: b
  - create: a
  - pass: {session: a, to: b}
  - memfd: {name: f, size: 4096, client: b}
  - preserve: {session: a, file: f, token: 1, client: b, during: kexec}
  - kexec
`);
    expect(text).toContain('token: 1, client: b, during: kexec, errno: [ OK ] }');
    expect(text).toContain('retrieve: { session: a, token: 1, as: f, errno: [ OK, ENOENT ] }');
    expect(text).toContain('finish: a');
    expect(text).toContain('expect: preserved');
  });

  it('gets the refusals of ioctls with any argument', () => {
    const text = again(`
  - create: a
  - memfd: {name: f, size: 4096}
  - ioctl: {file: f, command: finish}
  - ioctl: {session: a, command: finish}
  - ioctl: {session: a, command: "0xbb42"}
  - ioctl: {session: a, command: "0xba44"}
  - ioctl: {session: a, command: get-name, bytes: "01"}
  - ioctl: {session: a, command: get-name, size: 73, bytes: "${'00'.repeat(68)}01"}
  - ioctl: {session: a, command: get-name, size: 4096}
  - ioctl: {session: a, command: preserve, bytes: "ffffffff"}
  - ioctl: {device: true, command: create, size: 71}
  - link: a
  - kexec
  - retrieve: a
  - ioctl: {session: a, command: finish, bytes: "00000001"}
  - ioctl: {session: a, command: finish}
`);
    const errnos = [...text.matchAll(/ioctl: \{.*?(?:errno: (\w+))? \}/g)].map(([, errno]) => errno ?? 'OK');
    // The last one would finish the session, so it is left out.
    // prettier-ignore
    expect(errnos).toEqual(
      ['ENOTTY', 'EINVAL', 'ENOTTY', 'EINVAL', 'EINVAL', 'E2BIG', 'OK', 'EBADF', 'EINVAL', 'EINVAL'],
    );
    expect(text).toContain('link: a');
  });

  it('loses what makes no sense any more', () => {
    expect(again('\n  - retrieve: {session: a, errno: EIO}\n  - kexec\n')).toContain('errno: ENOENT');
    expect(again('\n  - create: a\n  - close: a\n  - kexec\n  - open\n')).toContain('expect: preserved');
  });

  it('make allocations fail where the kernel can: the answers and the end stay as they are', () => {
    const failing = new CallsGenerator({ chains: CHAINS, structures: () => STRUCTURES, failsAllocations: () => true });
    for (const seed of SEEDS.slice(0, 40)) {
      const { text, scenario } = failing.fresh(new Random(seed));
      const without = text.replaceAll(/, fail: \d+/g, '');
      expect(parseScenario(without, 'calls.yaml', { rule: null }).steps.map(({ errno }) => errno)).toEqual(
        scenario.steps.map(({ errno }) => errno),
      );
    }
    const texts = SEEDS.slice(0, 40).map((seed) => failing.fresh(new Random(seed)).text);
    expect(texts.filter((text) => text.includes('fail: ')).length).toBeGreaterThan(20);
    expect(calls.fresh(new Random(1)).text).not.toContain('fail: ');
  }, 60_000);
});
