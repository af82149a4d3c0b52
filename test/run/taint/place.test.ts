// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromMemory } from '../../../src/compat/binary/bytes.js';
import { symbolsOf } from '../../../src/compat/binary/elf-symbols.js';
import { TaintPlace } from '../../../src/run/taint/place.js';
import { compileC } from '../../compat/binary/objects.js';
import { FakeMemory, PageTables } from '../../qemu/fake-memory.js';

const PHYS = 0x100_0000;
const ROOT = 0x10_0000;

describe('a kernel that comes with its vmlinux alone', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'taint-place-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const find = (bytes: Buffer, map: string | null = null) => {
    const memory = new FakeMemory(64 << 20);
    new PageTables(memory, ROOT, 0x20_0000).map(0n, PHYS);
    const vmlinux = join(dir, 'vmlinux');
    writeFileSync(vmlinux, bytes);
    return {
      memory,
      place: () =>
        TaintPlace.find(
          memory,
          { cr3: BigInt(ROOT), cr4: 0n },
          { name: 'k', systemMap: map, vmlinux, release: '7.3.4' },
        ),
    };
  };

  it('is found by its own symbols', () => {
    const elf = compileC('unsigned long other = 1, tainted_mask = 2;\nchar linux_banner[] = "a kernel\'s banner";\n');
    const { memory, place } = find(elf);
    const at = symbolsOf(fromMemory(elf), ['tainted_mask', 'linux_banner']);
    memory.write(PHYS + Number(at.get('linux_banner')), Buffer.from('Linux version 7.3.4 (lab@lab)\n\0'));
    memory.writeU64(PHYS + Number(at.get('tainted_mask')), 0x200n);
    const found = place();
    expect(found instanceof TaintPlace ? found.read() : found).toBe(0x200n);
    // Without system_state, nothing shows whether this kernel still runs during the kexec.
    expect(found instanceof TaintPlace ? found.readLeaving() : found).toBeNull();
  });

  it('is not found by a file that is no ELF file, nor by a System.map that does not exist', () => {
    expect(find(Buffer.from('GIF89a')).place()).toMatchObject({
      why: 'k: its symbols cannot be read: no ELF file: too short',
    });
    expect(find(Buffer.from('GIF89a'), join(dir, 'gone')).place()).toMatchObject({
      why: expect.stringMatching(/cannot be read/),
    });
  });
});
