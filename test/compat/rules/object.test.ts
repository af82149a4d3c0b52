// SPDX-License-Identifier: Apache-2.0
// Negotiation: kernels with several versions of a component, by build option and command line.
import { describe, expect, it } from 'vitest';
import {
  kernelVersions,
  findMismatches,
  neededVersion,
  parseComponent,
  predict,
  withCmdline,
  type KernelFacts,
} from '../../../src/compat/index.js';
import { componentOf, highestCommon } from '../../../src/compat/versions/versions.js';
import { KERNELS, objectKernel } from '../predict/kernels.js';

const STRINGS = parseComponent('kho-v4;luo-v5;memfd-v2;memblock-v1;reserve-mem-v1');
const outcome = (
  from: KernelFacts,
  to: KernelFacts,
  cmdlineFrom = '',
  cmdlineTo = '',
  objectNeeds: number | null = null,
) => {
  const prediction = predict({ from, to, cmdlineFrom, cmdlineTo, uses: ['session', 'memfd', 'object'], objectNeeds });
  return prediction === null ? null : `${prediction.outcome}/${prediction.where}`;
};

describe('the versions of a kernel', () => {
  const CONFIG =
    'CONFIG_KEXEC_HANDOVER=y\nCONFIG_LAB_OBJECT=y\nCONFIG_LAB_OBJECT_READS_1=y\nCONFIG_LAB_OBJECT_READS_2=y\n' +
    '# CONFIG_LAB_OBJECT_READS_3 is not set\nCONFIG_LAB_OBJECT_WRITES_1=y\nCONFIG_LAB_OBJECT_WRITE=1\n' +
    'CONFIG_LAB_OBJECT_NOTATION_FDT=y\nCONFIG_LAB_OBJECT_CHECK_EARLY=y\n';
  const object = { name: 'object', reads: [2, 1], writes: [1], write: 1, manner: { notation: 'fdt', check: 'early' } };

  it('come from its own list and its build options', () => {
    const read = (listed: string | null, config: string | null) =>
      componentOf(
        kernelVersions({
          strings: STRINGS,
          listed: listed === null ? null : parseComponent(listed),
          config,
          whole: true,
        }).versions,
        'object',
      );
    expect(read('object-v1;object-v2', CONFIG)).toEqual(object);
    expect(read(null, CONFIG)).toEqual(object);
    expect(read('object-v3', CONFIG)).toEqual({ ...object, reads: [3] });
    expect(read('object-v3', null)).toEqual({ name: 'object', reads: [3], writes: null, write: null, manner: null });
    expect(read(null, 'CONFIG_KEXEC_HANDOVER=y\n')).toBeNull();
    expect(read(null, null)).toBeNull();
  });

  it('are complete, or not known to be', () => {
    const known = (strings: string, config: string | null, whole = true) =>
      kernelVersions({ strings: strings === '' ? [] : parseComponent(strings), listed: null, config, whole }).known;
    expect(known('kho-v4', null)).toBe(true);
    expect(known('kho-v4', null, false)).toBe(false);
    expect(known('', null)).toBe(false);
    expect(known('', CONFIG)).toBe(false);
    expect(known('', '# CONFIG_KEXEC_HANDOVER is not set\n')).toBe(true);
  });

  it('come from the list before strings, component by component', () => {
    const { components } = kernelVersions({
      strings: STRINGS,
      listed: parseComponent('memfd-v2;memfd-v3'),
      config: null,
      whole: true,
    });
    expect(components.filter(({ name }) => name === 'memfd').map(({ version }) => version)).toEqual([2, 3]);
    expect(components.find(({ name }) => name === 'kho')).toEqual({ name: 'kho', version: 4 });
  });

  it('change with the command line', () => {
    const under = (cmdline: string) =>
      componentOf(withCmdline(objectKernel([1], [1, 2], 1).versions, cmdline), 'object');
    expect(under('quiet')).toMatchObject({
      reads: [1],
      writes: [2, 1],
      write: 1,
      manner: { notation: 'token', check: 'late' },
    });
    expect(under('labobj.reads=1,2,4 labobj.write=2')).toMatchObject({ reads: [4, 2, 1], write: 2 });
    expect(under('labobj.write=2')).toMatchObject({ write: 2 });
    expect(under('labobj.writes=3 labobj.writes=2 labobj.notation=integer labobj.check=early')).toMatchObject({
      writes: [2],
      manner: { notation: 'integer', check: 'early' },
    });
    // Values that the kernel does not accept change nothing.
    expect(
      under(
        'labobj.reads= labobj.reads=5 labobj.reads=1,,2 labobj.write=02 labobj.write=x labobj.notation=xml ' +
          'labobj.check=never',
      ),
    ).toEqual(under(''));
    // The newest version that it can write replaces one that it cannot.
    expect(under('labobj.writes=1,3,4')).toMatchObject({ writes: [4, 3, 1], write: 1 });
    expect(under('labobj.writes=3,4')).toMatchObject({ write: 4 });
    expect(under('labobj.write=4')).toMatchObject({ write: 2 });
    expect(under('labobj.writes=none labobj.reads=none')).toMatchObject({ reads: [], writes: [], write: null });
    expect(withCmdline(KERNELS['7.3.4'].versions, 'labobj.reads=1')).toEqual(KERNELS['7.3.4'].versions);
  });

  it('have a highest common version, by number', () => {
    expect(highestCommon([2, 1], [1, 2, 3])).toBe(2);
    expect(highestCommon([9, 10], [10, 9])).toBe(10);
    expect(highestCommon([4], [1, 2])).toBeNull();
    expect(highestCommon(null, [1])).toBeNull();
  });
});

describe('an object that the next kernel cannot read', () => {
  const old = (notation: 'token' | 'composite' | 'fdt' | 'integer') =>
    objectKernel([1, 2], [1, 2], 2, { notation, check: 'late' });

  it.each([
    ['token', 'late', 'leak/luo_session_deserialize'],
    ['composite', 'late', 'leak/luo_session_deserialize'],
    ['fdt', 'late', 'leak/labobj_retrieve'],
    ['integer', 'late', 'leak/labobj_retrieve'],
    ['token', 'early', 'leak/labobj_look_early'],
    ['integer', 'early', 'leak/labobj_look_early'],
  ] as const)('%s, looked at %s: %s', (notation, check, end) => {
    expect(outcome(old(notation), objectKernel([1], [1], 1, { notation, check }))).toBe(end);
    expect(outcome(old(notation), objectKernel([2], [1], 1, { notation, check }))).toBe('preserved/null');
  });

  it('a kernel that reads nothing still has a handler for the version that it writes', () => {
    expect(outcome(old('token'), objectKernel([], [2], 2))).toBe('leak/labobj_retrieve');
    expect(outcome(old('token'), objectKernel([], [1], 1))).toBe('leak/luo_session_deserialize');
    expect(outcome(objectKernel([1], [], 1), objectKernel([1], [], 1), 'labobj.writes=none')).toBe('refused/null');
  });

  it('depends on both command lines', () => {
    const next = objectKernel([1], [1], 1);
    expect(outcome(old('token'), next, 'labobj.write=1')).toBe('preserved/null');
    expect(outcome(old('token'), next, '', 'labobj.reads=1,2')).toBe('preserved/null');
    expect(outcome(old('token'), next, '', 'labobj.check=early')).toBe('leak/labobj_look_early');
  });

  it('in another notation finds no handler, or one that cannot read it', () => {
    const next = (notation: 'token' | 'fdt' | 'integer') => objectKernel([2], [2], 2, { notation, check: 'late' });
    expect(outcome(old('composite'), next('token'))).toBe('leak/luo_session_deserialize');
    expect(outcome(old('integer'), next('token'))).toBe('leak/luo_session_deserialize');
    expect(outcome(old('integer'), next('fdt'))).toBe('leak/labobj_retrieve');
    // A kernel that checks early has a handler for every name.
    expect(outcome(old('integer'), next('token'), '', 'labobj.check=early')).toBe('preserved/null');
  });

  it('a next kernel without it has no handler; an old one without it refuses', () => {
    expect(outcome(old('token'), KERNELS['7.3.4'])).toBe('leak/luo_session_deserialize');
    expect(outcome(KERNELS['7.3.4'], old('token'))).toBe('refused/null');
    expect(outcome(old('token'), old('token'), 'liveupdate=off')).toBe('refused/null');
  });

  it('content that the version cannot carry is refused before the kexec', () => {
    expect(neededVersion({ array: 65536, state: 2 ** 32 - 1, label: '' })).toBe(1);
    expect(neededVersion({ array: 0, state: 2 ** 32, label: '' })).toBe(2);
    expect(neededVersion({ array: 0, state: 0, label: 'x' })).toBe(3);
    expect(neededVersion({ array: 65537, state: 0, label: 'x' })).toBe(4);
    expect(outcome(old('token'), old('token'), '', '', 3)).toBe('refused/null');
    expect(outcome(old('token'), old('token'), '', '', 2)).toBe('preserved/null');
  });

  it('without known versions there is no prediction', () => {
    const bare: KernelFacts = {
      ...KERNELS['7.3.4'],
      versions: [...KERNELS['7.3.4'].versions, { name: 'object', reads: [1], writes: null, write: null, manner: null }],
    };
    expect(outcome(bare, old('token'))).toBeNull();
    expect(outcome(bare, KERNELS['7.1.13'])).toBe('lost/kho_populate');
    expect(outcome(old('token'), bare)).toBe('leak/null');
    expect(outcome(old('token'), bare, 'labobj.write=1')).toBeNull();
  });
});

describe('findMismatches', () => {
  const next = objectKernel([1], [1], 1);
  const list = (text: string, ...rest: [to?: KernelFacts, options?: Parameters<typeof findMismatches>[2]]) =>
    findMismatches(parseComponent(text), rest[0] ?? next, rest[1])?.map(
      ({ component, wrote, reads, endsIn, detail }) => [component, wrote, reads, endsIn, detail.split(':')[0]],
    );

  it('lists unreadable components, with function and ending', () => {
    expect(list('kho-v4;luo-v5;memfd-v2;object-v1')).toEqual([]);
    expect(list('kho-v4;luo-v5;memfd-v3;object-v2')).toEqual([
      ['memfd', 3, [2], 'leak', 'luo_session_deserialize'],
      ['object', 2, [1], 'leak', 'luo_session_deserialize'],
    ]);
    expect(list('kho-v3;luo-v1')).toEqual([
      ['kho', 3, [4], 'reboot', 'kho_populate'],
      ['luo', 1, [5], 'panic', 'liveupdate_early_init'],
    ]);
  });

  it('requires that every version can be read', () => {
    expect(list('kho-v4;luo-v5;object-v1;object-v2')).toEqual([['object', 2, [1], 'leak', 'luo_session_deserialize']]);
    expect(list('object-v1;object-v2', next, { cmdlineTo: 'labobj.reads=1,2' })).toEqual([]);
  });

  it('leaves out components that are not carried or harmless', () => {
    expect(list('kho-v4;luo-v5;memfd-v3', next, { uses: ['object'] })).toEqual([]);
    expect(list('kexec-metadata-v2', KERNELS['7.3.4'])).toEqual([]);
  });

  it('knows switches of the next kernel', () => {
    expect(list('kho-v4;luo-v5', next, { cmdlineTo: 'kho=off' })).toEqual([
      ['kho', null, [], 'leak', 'luo_early_startup'],
    ]);
    expect(list('kho-v4', next, { cmdlineTo: 'liveupdate=off', uses: ['reserve_mem'] })).toEqual([]);
  });

  it('returns null for an unreadable image', () => {
    expect(findMismatches(parseComponent('kho-v4'), { ...next, known: false })).toBeNull();
  });
});
