// SPDX-License-Identifier: Apache-2.0
// Reads the names and properties of a flattened device tree. Format: Devicetree Specification v0.4, chapter 5. The
// bytes come from an untrusted machine: every offset is checked, and depth and number of nodes are limited.

/** Bytes [start, end) from the start of the tree. */
export interface FdtSpan {
  start: number;
  end: number;
}

export interface FdtNode {
  name: string;
  /** The first of each name, as in libfdt. */
  properties: Map<string, Uint8Array>;
  children: FdtNode[];
  /** All of it, from its first token to its last. */
  span: FdtSpan;
  /** Each property: its `value`, and the `whole` with token and padding. */
  spans: Map<string, { value: FdtSpan; whole: FdtSpan }>;
}

/** The token for nothing. Filling a node or property with it removes it without moving the rest. */
export const FDT_NOP = Uint8Array.of(0, 0, 0, 4);

const MAGIC = 0xd00dfeed;
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROP = 3;
const NOP = 4;
const END = 9;
const MAX_NODES = 100_000;
const MAX_DEPTH = 16;
/** Bytes including the NUL; the specification allows 32. */
const MAX_NAME = 256;

/** The root node, or null if the bytes are not a complete, valid tree. */
export function readFdt(bytes: Uint8Array): FdtNode | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 40 || view.getUint32(0) !== MAGIC) return null;
  const total = view.getUint32(4);
  const structAt = view.getUint32(8);
  const stringsAt = view.getUint32(12);
  if (total > bytes.length || structAt >= total || stringsAt > total) return null;

  const text = (at: number, end: number): string | null => {
    const room = bytes.subarray(at, Math.min(end, at + MAX_NAME));
    const length = room.indexOf(0);
    return length < 0 ? null : Buffer.from(room.subarray(0, length)).toString('latin1');
  };
  const emptyNode = (name: string, start: number): FdtNode => ({
    name,
    properties: new Map(),
    children: [],
    span: { start, end: start },
    spans: new Map(),
  });
  const root = emptyNode('', 0);
  const path: FdtNode[] = [];
  let nodes = 0;
  for (let at = structAt; at + 4 <= total;) {
    const token = view.getUint32(at);
    at += 4;
    if (token === NOP) continue;
    if (token === END) return path.length === 0 && nodes > 0 ? root : null;
    if (token === END_NODE) {
      const ended = path.pop();
      if (ended === undefined) return null;
      ended.span.end = at;
    } else if (token === BEGIN_NODE) {
      const name = text(at, total);
      if (name === null || ++nodes > MAX_NODES || path.length >= MAX_DEPTH) return null;
      const parent = path.at(-1);
      if (parent === undefined && nodes > 1) return null;
      const node = parent === undefined ? root : emptyNode(name, at - 4);
      node.span.start = at - 4;
      parent?.children.push(node);
      path.push(node);
      at = align4(at + name.length + 1);
    } else if (token === PROP) {
      if (at + 8 > total) return null;
      const length = view.getUint32(at);
      const name = text(stringsAt + view.getUint32(at + 4), total);
      const node = path.at(-1);
      if (name === null || node === undefined || at + 8 + length > total) return null;
      const value = { start: at + 8, end: at + 8 + length };
      if (!node.properties.has(name)) {
        node.properties.set(name, bytes.subarray(value.start, value.end));
        node.spans.set(name, { value, whole: { start: at - 4, end: align4(value.end) } });
      }
      at = align4(value.end);
    } else {
      return null;
    }
  }
  return null;
}

/** A property with one 64-bit little-endian number, as KHO writes them. */
export function u64Property(node: Pick<FdtNode, 'properties'>, name: string): number | null {
  const value = node.properties.get(name);
  if (value === undefined || value.length !== 8) return null;
  const number = Buffer.from(value).readBigUInt64LE();
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : null;
}

function align4(n: number): number {
  return (n + 3) & ~3;
}
