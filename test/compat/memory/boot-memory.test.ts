// SPDX-License-Identifier: Apache-2.0
// Whether the next kernel fits into scratch. The rows are real runs: machine, kho_scratch=, the next kernel, and the
// outcome.
import { describe, expect, it } from 'vitest';
import { bootMemory, predictScenario } from '../../../src/compat/index.js';
import type { KernelFacts } from '../../../src/compat/index.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { KERNELS } from '../predict/kernels.js';

const INITRAMFS = 8_620_196;
const K = {
  '6.19.11': { ...KERNELS['6.19.11'], boot: { initSize: 14_909_440, runtime: 0xe28000, handoverDebug: true } },
  '7.1.13': { ...KERNELS['7.1.13'], boot: { initSize: 14_929_920, runtime: 0xc3b000, handoverDebug: true } },
  '7.2.12': { ...KERNELS['7.2.12'], boot: { initSize: 14_950_400, runtime: 0xc40000, handoverDebug: true } },
  '7.3.4': { ...KERNELS['7.3.4'], boot: { initSize: 12_808_192, runtime: 0xa38000, handoverDebug: true } },
} satisfies Record<string, KernelFacts>;

interface Case {
  from: keyof typeof K;
  to: keyof typeof K;
  memory: string;
  first?: string;
  next?: string;
  size?: string;
}

function parse(
  { memory, first = 'quiet', next = 'quiet', size = '4MiB' }: Omit<Case, 'from' | 'to'>,
  kernels = 'from: a\nto: b',
) {
  return parseScenario(
    `${kernels}\nmachine: {memory: ${memory}}\ncmdline: {0: "${first}", 1: "${next}"}\n` +
      `sessions: [{name: s, files: [{name: ram, memfd: ${size}}]}]\nexpect: preserved\n`,
    'x.yaml',
  );
}

function predicted({ from, to, ...rest }: Case) {
  return predictScenario(parse(rest), [K[from], K[to]], { initramfs: INITRAMFS });
}

describe('scratch of the first kernel', () => {
  it.each<[string, string, Case]>([
    ['panic', '4 GiB, 80 MiB', { from: '7.3.4', to: '7.2.12', memory: '4GiB', first: 'kho_scratch=8M,72M,0' }],
    ['panic', '4 GiB, 84 MiB', { from: '7.3.4', to: '7.2.12', memory: '4GiB', first: 'kho_scratch=8M,76M,0' }],
    ['preserved', '4 GiB, 88 MiB', { from: '7.3.4', to: '7.2.12', memory: '4GiB', first: 'kho_scratch=8M,78M,0' }],
    ['preserved', '4 GiB, one area', { from: '7.3.4', to: '7.2.12', memory: '4GiB', first: 'kho_scratch=0,86M,0' }],
    ['panic', '1 GiB, 36 MiB', { from: '7.3.4', to: '7.2.12', memory: '1GiB', first: 'kho_scratch=0,34M,0' }],
    ['preserved', '1 GiB, 40 MiB', { from: '7.3.4', to: '7.2.12', memory: '1GiB', first: 'kho_scratch=0,38M,0' }],
    ['panic', '7.1 and 36 MiB', { from: '7.1.13', to: '7.1.13', memory: '1GiB', first: 'kho_scratch=0,34M,0' }],
    ['preserved', '7.1 and 40 MiB', { from: '7.1.13', to: '7.1.13', memory: '1GiB', first: 'kho_scratch=0,38M,0' }],
    ['panic', '6.19 and 40 MiB', { from: '6.19.11', to: '6.19.11', memory: '1GiB', first: 'kho_scratch=0,38M,0' }],
    ['preserved', '6.19 and 44 MiB', { from: '6.19.11', to: '6.19.11', memory: '1GiB', first: 'kho_scratch=0,42M,0' }],
    ['panic', '1 GiB, 30 %', { from: '7.3.4', to: '7.2.12', memory: '1GiB', first: 'kho_scratch=30%' }],
    ['preserved', '1 GiB, 40 %', { from: '7.3.4', to: '7.2.12', memory: '1GiB', first: 'kho_scratch=40%' }],
    ['preserved', '4 GiB, by default', { from: '7.3.4', to: '7.2.12', memory: '4GiB' }],
    ['refused', '7.3: cannot be loaded', { from: '7.2.12', to: '7.3.4', memory: '1GiB', first: 'kho_scratch=0,20M,0' }],
    ['panic', '7.3: 24 MiB', { from: '7.2.12', to: '7.3.4', memory: '1GiB', first: 'kho_scratch=0,22M,0' }],
    ['panic', '7.3: 32 MiB', { from: '7.2.12', to: '7.3.4', memory: '1GiB', first: 'kho_scratch=0,30M,0' }],
    ['preserved', '7.3: 36 MiB', { from: '7.2.12', to: '7.3.4', memory: '1GiB', first: 'kho_scratch=0,34M,0' }],
    [
      'refused',
      '7.3 and 4 GiB: cannot be loaded',
      { from: '7.2.12', to: '7.3.4', memory: '4GiB', first: 'kho_scratch=0,20M,0' },
    ],
    [
      'preserved',
      '7.3 and 4 GiB: the page array lies elsewhere',
      { from: '7.2.12', to: '7.3.4', memory: '4GiB', first: 'kho_scratch=0,22M,0' },
    ],
    [
      'preserved',
      '7.3 and 4 GiB, 80 MiB',
      { from: '7.3.4', to: '7.3.4', memory: '4GiB', first: 'kho_scratch=8M,72M,0' },
    ],
  ])('%s: %s', (outcome, _, about) => expect(predicted(about)?.outcome).toBe(outcome));

  it('says how much is missing, why, and what helps', () => {
    const { reasons, component, where } = predicted({
      from: '7.3.4',
      to: '7.2.12',
      memory: '4GiB',
      first: 'kho_scratch=8M,72M,0',
    })!;
    expect(reasons[0]).toMatch(
      new RegExp(
        String.raw`^scratch: 80 MiB in 2 areas, 7\.2\.12-lab needs 86 MiB: 6 MiB short ` +
          String.raw`\(kernel 12\.3, initramfs 8\.2, page array 64, early allocations 1\); .*kho_scratch=`,
      ),
    );
    expect([component, where]).toEqual(['scratch', 'sparse_init']);
  });

  it('is unknown if blocks of 1 GiB may be free or not: 2 GiB ended in both ways', () => {
    expect(predicted({ from: '7.2.12', to: '7.3.4', memory: '2GiB', first: 'kho_scratch=0,24M,0' })).toBeNull();
  });

  it('also counts for later kernels of a chain, whatever their command lines', () => {
    const scenario = parse(
      { memory: '4GiB', first: 'kho_scratch=8M,72M,0', next: 'kho_scratch=200M,200M,0' },
      'chain: [a, b, c]',
    );
    const chain = [K['7.3.4'], K['7.3.4'], K['7.2.12']];
    expect(bootMemory(scenario, chain, 0, INITRAMFS).ruling).toBeNull();
    expect(bootMemory(scenario, chain, 1, INITRAMFS).ruling).toMatchObject({ outcome: 'panic', component: 'scratch' });
    expect(predictScenario(scenario, chain, { initramfs: INITRAMFS })?.outcome).toBe('panic');
  });

  it.each([
    ['kho_scratch=nonsense', '7.3.4-lab', true],
    ['kho_scratch=8M,72M', '7.3.4-lab', true],
    ['kho_scratch=0,0,0', '7.3.4-lab', true],
    ['kho_scratch=8M,72M,0 kho_scratch=400M,0,0', '7.3.4-lab', true],
    ['kho_bootmem=8M,72M,0', '7.3.4-lab', true],
    ['kho_bootmem=8M,72M,0', '7.4.0-rc1', false],
    ['kho_scratch=0x800000,73728K,0', '7.3.4-lab', false],
  ])('%s of %s leaves enough: %s', (first, release, fits) => {
    const { ruling } = bootMemory(
      parse({ memory: '4GiB', first }),
      [{ ...K['7.3.4'], release }, K['7.2.12']],
      0,
      INITRAMFS,
    );
    expect(ruling === null).toBe(fits);
  });

  it.each([
    ['7.3.4-lab', 'with kho_scratch=,'],
    ['7.4.0-rc1', 'with kho_bootmem=,'],
    [null, 'with kho_scratch= (kho_bootmem= from 7.4 on),'],
  ])('the advice names the option of %s', (release, text) => {
    const first = release === '7.4.0-rc1' ? 'kho_bootmem=8M,72M,0' : 'kho_scratch=8M,72M,0';
    const kernels = [{ ...K['7.3.4'], release }, K['7.2.12']];
    const { ruling } = bootMemory(parse({ memory: '4GiB', first }), kernels, 0, INITRAMFS);
    expect(ruling === null || ruling === 'unknown' ? '' : ruling.reason).toContain(text);
  });

  it('does not matter for a kernel that rejects the handover or gets none', () => {
    const other = { ...K['7.2.12'], versions: KERNELS['7.1.13'].versions };
    const scenario = parse({ memory: '4GiB', first: 'kho_scratch=8M,72M,0' });
    expect(predictScenario(scenario, [K['7.3.4'], other], { initramfs: INITRAMFS })).toMatchObject({
      outcome: 'lost',
      component: 'kho',
    });
    const legacy = parseScenario(
      'from: a\nto: b\nkexec: legacy\nmachine: {memory: 4GiB}\ncmdline: {from: "kho_scratch=8M,72M,0"}\n' +
        'sessions: [{name: s, files: [{memfd: 4KiB}]}]\nexpect: lost\n',
      'x.yaml',
    );
    expect(predictScenario(legacy, [K['7.3.4'], K['7.2.12']])?.outcome).toBe('lost');
  });

  it('gives no prediction for a kernel of unknown size', () => {
    expect(
      predictScenario(parse({ memory: '4GiB', first: 'kho_scratch=8M,72M,0' }), [KERNELS['7.3.4'], KERNELS['7.2.12']])
        ?.outcome,
    ).toBe('preserved');
  });
});

describe('mem= on the next kernel', () => {
  it.each<[string | null, string, Case]>([
    [
      'panic',
      'far below what is preserved',
      { from: '7.2.12', to: '7.3.4', memory: '1GiB', next: 'mem=600M', size: '300MiB' },
    ],
    ['preserved', 'all that the machine has', { from: '7.2.12', to: '7.3.4', memory: '1GiB', next: 'mem=1G' }],
    [null, 'a little less: pages may lie there', { from: '7.2.12', to: '7.3.4', memory: '1GiB', next: 'mem=1010M' }],
    [
      'preserved',
      'the first kernel had no more',
      { from: '7.2.12', to: '7.3.4', memory: '1GiB', first: 'mem=600M', next: 'mem=600M' },
    ],
    ['panic', 'all above the hole is cut off', { from: '7.3.4', to: '7.3.4', memory: '4GiB', next: 'mem=3G' }],
    ['preserved', 'no size', { from: '7.3.4', to: '7.3.4', memory: '1GiB', next: 'mem=nopentium' }],
  ])('%s: %s', (outcome, _, about) => {
    const prediction = predicted(about);
    expect(prediction?.outcome ?? null).toBe(outcome);
    if (outcome === 'panic') expect(prediction).toMatchObject({ component: 'memory', where: 'kho_scratch_overlap' });
  });
});

describe('reserve_mem= of a kernel after a kexec', () => {
  const late = (kernels: string, cmdline: string, memory = '1GiB') =>
    parseScenario(
      `${kernels}\nmachine: {memory: ${memory}}\nreserveMem: [{name: trace, size: 4MiB}]\n` +
        `cmdline: {${cmdline}}\nexpect: lost\n`,
      'x.yaml',
    );
  const LATE = 'reserve_mem=4M:4096:late';
  const three = (kernel: KernelFacts) => [kernel, kernel, kernel];

  it('loses every area in the second update, not in the first', () => {
    const scenario = late('chain: [a, b, c]', `1: "${LATE}", 2: "${LATE}"`);
    expect(predictScenario(scenario, three(K['7.3.4']))).toMatchObject({
      outcome: 'lost',
      component: 'memblock',
      where: 'reserved_mem_preserve',
    });
    expect(predictScenario(late('chain: [a, b, c]', `0: "${LATE}", 1: "${LATE}"`), three(K['7.3.4']))?.outcome).toBe(
      'preserved',
    );
  });

  it('causes a warning in the last kernel of a chain', () => {
    expect(predictScenario(late('from: a\nto: b', `1: "${LATE}"`), [K['7.3.4'], K['7.3.4']])).toMatchObject({
      outcome: 'tainted',
      component: 'memblock',
    });
  });

  it('does not matter if the scenario expects the warning', () => {
    const scenario = { ...late('from: a\nto: b', `1: "${LATE}"`), taint: ['warn' as const] };
    expect(predictScenario(scenario, [K['7.3.4'], K['7.3.4']])?.outcome).toBe('preserved');
  });

  it('is in scratch even if the kernel can boot outside of it', () => {
    const scenario = late('chain: [a, b, c]', `1: "${LATE}"`, '4GiB');
    expect(predictScenario(scenario, three(K['7.3.4']))?.outcome).toBe('lost');
    expect(predictScenario(scenario, three(K['7.2.12']))?.outcome).toBe('lost');
  });

  it('is unknown for a kernel without the check', () => {
    const unchecked = { ...K['7.2.12'], boot: { ...K['7.2.12'].boot, handoverDebug: false } };
    expect(predictScenario(late('chain: [a, b, c]', `1: "${LATE}"`), three(unchecked))).toBeNull();
  });
});
