// SPDX-License-Identifier: Apache-2.0

const HEADERS = 0x200;
const SECTION = 0x200;

/** A small PE file for x86-64, as a kernel with CONFIG_EFI_STUB is one. It cannot run. */
export function fakePe(): Buffer {
  const file = Buffer.alloc(HEADERS + SECTION);
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(0x40, 0x3c);
  file.write('PE\0\0', 0x40, 'latin1');
  const coff = 0x44;
  file.writeUInt16LE(0x8664, coff);
  file.writeUInt16LE(1, coff + 2);
  file.writeUInt16LE(240, coff + 16);
  file.writeUInt16LE(0x206, coff + 18);
  const optional = coff + 20;
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt32LE(0x1000, optional + 32);
  file.writeUInt32LE(SECTION, optional + 36);
  file.writeUInt32LE(0x2000, optional + 56);
  file.writeUInt32LE(HEADERS, optional + 60);
  file.writeUInt16LE(10, optional + 68);
  file.writeUInt32LE(16, optional + 108);
  const section = optional + 240;
  file.write('.text', section, 'latin1');
  file.writeUInt32LE(SECTION, section + 8);
  file.writeUInt32LE(0x1000, section + 12);
  file.writeUInt32LE(SECTION, section + 16);
  file.writeUInt32LE(HEADERS, section + 20);
  file.fill(0x90, HEADERS);
  return file;
}
