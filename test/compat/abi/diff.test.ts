// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { coveringVersion, diffAbi } from '../../../src/compat/abi/diff.js';
import { parseComponent } from '../../../src/compat/binary/component.js';
import type { Field, KernelAbi, Structure } from '../../../src/model/kernel/abi.js';

/** `u64 pos@0`, `u64[8] map@8`, `u64:52 pfn@0`: a field in one line. */
function field(text: string): Field {
  const match = /^(\S+?)(?::(\d+))? (\S+)@(\d+)$/.exec(text);
  const [, type = '', bits, name = '', at] = match ?? [];
  const [, width = '0', count = ''] = /^u(\d+)((?:\[\d*\])?)$/.exec(type) ?? [];
  const size = (Number(width) / 8) * (count === '' ? 1 : Number(count.slice(1, -1)));
  return bits === undefined
    ? { name, offset: Number(at), size, type, shape: `int${width}${count}`, bits: null }
    : { name, offset: 0, size, type, shape: `int${width}`, bits: { offset: Number(at), size: Number(bits) } };
}

const structure = (name: string, size: number, ...fields: string[]): Structure => ({
  name,
  kind: 'struct',
  size,
  file: null,
  fields: fields.map(field),
});

function abi(versions: string, structures: Structure[] | null, more: Partial<KernelAbi> = {}): KernelAbi {
  const components =
    versions === '' ? [] : parseComponent(versions).map((component) => ({ ...component, from: 'source' as const }));
  return { name: 'k', release: null, components, structures, complete: structures !== null, notes: [], ...more };
}

const BITS = (bytes: number) => structure('kho_mem_phys_bits', bytes, `u64[${bytes / 8}] preserve@0`);

describe('lab abi diff', () => {
  it('flags a layout that changed without its version', () => {
    const diff = diffAbi(abi('kho-v1', [BITS(512)]), abi('kho-v1', [BITS(4096)]));
    expect(diff.ok).toBe(false);
    expect(diff.structures).toEqual([
      {
        structure: 'kho_mem_phys_bits',
        change: 'changed',
        unannounced: true,
        covered: { from: 'kho-v1', to: 'kho-v1' },
        details: ['512 bytes became 4096', 'preserve: u64[64], 512 bytes at 0 became u64[512], 4096 bytes at 0'],
      },
    ]);
  });

  it('accepts it with another version', () => {
    const diff = diffAbi(abi('kho-v1', [BITS(512)]), abi('kho-v2', [BITS(4096)]));
    expect(diff).toMatchObject({
      ok: true,
      components: [{ component: 'kho', from: [1], to: [2] }],
      structures: [{ change: 'changed', unannounced: false }],
    });
  });

  it('does not use the version of another component', () => {
    const before = structure('memfd_luo_ser', 8, 'u64 pos@0');
    const after = structure('memfd_luo_ser', 16, 'u64 pos@0', 'u64 size@8');
    expect(diffAbi(abi('kho-v3;luo-v1;memfd-v2', [before]), abi('kho-v4;luo-v5;memfd-v2', [after])).ok).toBe(false);
    expect(diffAbi(abi('kho-v3;luo-v1;memfd-v1', [before]), abi('kho-v3;luo-v1;memfd-v2', [after])).ok).toBe(true);
  });

  it('compares the newest of several versions', () => {
    const [before, after] = [
      structure('memfd_luo_ser', 8, 'u64 a@0'),
      structure('memfd_luo_ser', 16, 'u64 a@0', 'u64 b@8'),
    ];
    expect(diffAbi(abi('memfd-v1;memfd-v2', [before]), abi('memfd-v2', [after])).ok).toBe(false);
    expect(diffAbi(abi('memfd-v1;memfd-v2', [before]), abi('memfd-v2;memfd-v10', [after])).ok).toBe(true);
  });

  it.each<[string, string[], string[], boolean, string]>([
    ['a field called otherwise', ['u64 data@0'], ['u64 handle@0'], true, 'data is called handle'],
    ['a type written otherwise is no change of the bytes', ['u64 data@0'], ['u64 data@0'], true, ''],
    [
      'two fields that changed places',
      ['u64 pos@0', 'u64 size@8'],
      ['u64 size@0', 'u64 pos@8'],
      false,
      'pos: u64, 8 bytes at 0 became u64, 8 bytes at 8',
    ],
    ['a field that is new at the end', ['u64 pos@0'], ['u64 pos@0', 'u64 size@8'], false, 'size is new'],
    ['a field that is gone', ['u64 pos@0', 'u64 size@8'], ['u64 pos@0'], false, 'size is gone'],
    [
      'bits that were moved',
      ['u64:52 pfn@0', 'u64:12 flags@52'],
      ['u64:56 pfn@0', 'u64:8 flags@56'],
      false,
      'pfn: u64, 52 bits at bit 0 became u64, 56 bits at bit 0',
    ],
  ])('%s', (_what, before, after, ok, detail) => {
    const diff = diffAbi(
      abi('luo-v5', [structure('luo_ser', 16, ...before)]),
      abi('luo-v5', [structure('luo_ser', 16, ...after)]),
    );
    expect(diff.ok).toBe(ok);
    expect(diff.structures.flatMap(({ details }) => details).join('\n')).toContain(detail);
  });

  it('does not list every field in a structure that moved', () => {
    const nested = (at: number) =>
      structure('luo_ser', 32, `u64[2] folios@${at}`, `u64 folios.first@${at}`, `u64 folios.count@${at + 8}`);
    expect(diffAbi(abi('luo-v1', [nested(0)]), abi('luo-v2', [nested(8)])).structures[0]?.details).toEqual([
      'folios: u64[2], 16 bytes at 0 became u64[2], 16 bytes at 8',
    ]);
  });

  it('lists new, missing and renamed structures, and flags only replaced ones', () => {
    const [a, b, other] = [
      structure('kho_a', 8, 'u64 x@0'),
      structure('kho_b', 8, 'u64 x@0'),
      structure('kho_c', 16, 'u64 x@0', 'u64 y@8'),
    ];
    const kinds = (before: Structure[], after: Structure[], next = 'kho-v1') => {
      const diff = diffAbi(abi('kho-v1', before), abi(next, after));
      return [diff.ok, ...diff.structures.map(({ structure: name, change }) => `${name} ${change}`)];
    };
    expect(kinds([], [a])).toEqual([true, 'kho_a new']);
    expect(kinds([a], [])).toEqual([true, 'kho_a gone']);
    expect(kinds([a], [b])).toEqual([true, 'kho_a renamed']);
    expect(kinds([a], [other])).toEqual([false, 'kho_a replaced', 'kho_c new']);
    expect(kinds([a], [other], 'kho-v2')).toEqual([true, 'kho_a gone', 'kho_c new']);
    // With another version, two similar structures are a coincidence.
    expect(kinds([a], [b], 'kho-v2')).toEqual([true, 'kho_a gone', 'kho_b new']);
  });

  it('flags a change that no version covers', () => {
    const diff = diffAbi(
      abi('', [structure('widget_ser', 8, 'u64 x@0')]),
      abi('', [structure('widget_ser', 8, 'u32[2] x@0')]),
    );
    expect(diff).toMatchObject({ ok: false, structures: [{ covered: { from: null, to: null } }] });
  });

  it('lists another version that is a number inside the structure', () => {
    const before = abi('pci 2', [structure('pci_ser', 16, 'u32 version@0', 'u32 nr_devices@4', 'u64 devices@8')]);
    const diff = diffAbi(before, { ...before, components: abi('pci 3', []).components });
    expect(diff).toMatchObject({ ok: true, components: [{ component: 'pci', from: [2], to: [3] }], structures: [] });
  });

  it('says if it does not know', () => {
    expect(diffAbi(abi('kho-v1', null), abi('kho-v1', []))).toMatchObject({ ok: null, structures: [] });
    expect(
      diffAbi(abi('kho-v1', [], { complete: false, notes: ['x.c does not compile'] }), abi('kho-v1', [])),
    ).toMatchObject({ ok: null, notes: ['k: x.c does not compile'] });
    // The known part is enough for a no.
    expect(diffAbi(abi('kho-v1', [BITS(512)], { complete: false }), abi('kho-v1', [BITS(4096)])).ok).toBe(false);
  });
});

describe('the version that covers a structure', () => {
  it.each([
    ['kho_vmalloc', 'kho-v4', 'kho-v4'],
    ['kho_vmalloc', 'kho-v4;vmalloc-v1', 'vmalloc-v1'],
    ['kho_radix_node', 'kho-v4;radix-v2', 'radix-v2'],
    ['luo_session_ser', 'luo-v1;luo-session-v2', 'luo-session-v2'],
    ['luo_session_ser', 'luo-v5', 'luo-v5'],
    ['kho_block_header_ser', 'kho-v4;luo-v5;block-v2', 'block-v2'],
    ['kho_kexec_metadata', 'kho-v4;kexec-metadata 1', 'kexec-metadata-v1'],
    ['memfd_luo_ser', 'memfd-v1;memfd-v2', 'memfd-v2'],
    // Not in the table: the component with that name.
    ['labobj_page_ser', 'labobj-v3', 'labobj-v3'],
    ['vfio_pci_ser', 'vfio-v1;vfio-pci-v2', 'vfio-pci-v2'],
    // The version is a number inside the structure.
    ['pci_dev_ser', 'pci 2', 'pci-v2'],
    ['iommu_flb_ser', 'iommu-liveupdate 1', 'iommu-liveupdate-v1'],
    ['widget_ser', 'kho-v4', null],
  ])('%s in %s: %s', (name, versions, expected) => {
    expect(coveringVersion(name, parseComponent(versions))).toBe(expected);
  });
});
