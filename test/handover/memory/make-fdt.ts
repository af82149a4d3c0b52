// SPDX-License-Identifier: Apache-2.0
// Writes flattened device trees for the tests: the reverse of src/handover/memory/fdt.ts.

export interface Tree {
  name?: string;
  properties?: Readonly<Record<string, Uint8Array | string | bigint>>;
  children?: readonly Tree[];
}

function word(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32BE(value, i * 4));
  return bytes;
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function valueOf(value: Uint8Array | string | bigint): Uint8Array {
  if (typeof value === 'string') return Buffer.from(`${value}\0`);
  if (typeof value !== 'bigint') return value;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** Version 17, in the order of libfdt's sequential writer. */
export function writeFdt(root: Tree): Buffer {
  const names: string[] = [];
  const node = ({ name = '', properties = {}, children = [] }: Tree): Buffer =>
    Buffer.concat([
      word(1),
      padded(Buffer.from(`${name}\0`)),
      ...Object.entries(properties).flatMap(([key, given]) => {
        if (!names.includes(key)) names.push(key);
        const value = valueOf(given);
        const at = names.slice(0, names.indexOf(key)).reduce((sum, { length }) => sum + length + 1, 0);
        return [word(3, value.length, at), padded(value)];
      }),
      ...children.map(node),
      word(2),
    ]);
  const structure = Buffer.concat([node(root), word(9)]);
  const strings = Buffer.from(names.map((name) => `${name}\0`).join(''));
  const structAt = 40 + 16;
  const stringsAt = structAt + structure.length;
  const total = stringsAt + strings.length;
  return Buffer.concat([
    word(0xd00dfeed, total, structAt, stringsAt, 40, 17, 16, 0, strings.length, structure.length),
    Buffer.alloc(16),
    structure,
    strings,
  ]);
}
