// SPDX-License-Identifier: Apache-2.0
// Reads a flattened device tree, as much as the handover needs of it: names and properties. Format: Devicetree
// Specification v0.4, chapter 5. The bytes come from a machine that may lie: every offset is checked, depth and number
// of nodes are bounded.

/** Bytes [start, end) from the beginning of the tree. */
export interface FdtSpan {
  start: number;
  end: number;
}

export interface FdtNode {
  name: string;
  /** Of two of one name the first, as libfdt takes it. */
  properties: Map<string, Uint8Array>;
  children: FdtNode[];
  /** Where it lies, from its first token to behind its last. */
  span: FdtSpan;
  /** Where its properties lie: `value` alone, and `whole` with token and padding. */
  spans: Map<string, { value: FdtSpan; whole: FdtSpan }>;
}

/** The token that stands for nothing: what is filled with it is gone, and the rest stays where it is. */
export const FDT_NOP = Uint8Array.of(0, 0, 0, 4);

const MAGIC = 0xd00dfeed;
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROP = 3;
const NOP = 4;
const END = 9;
const MOST_NODES = 100_000;
const MOST_DEPTH = 16;
/** Bytes with the NUL; the specification allows 32. */
const LONGEST_NAME = 256;

/** The root node, or null where the bytes are not a whole, sound tree. */
export function readFdt(bytes: Uint8Array): FdtNode | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 40 || view.getUint32(0) !== MAGIC) return null;
  const total = view.getUint32(4);
  const structAt = view.getUint32(8);
  const stringsAt = view.getUint32(12);
  if (total > bytes.length || structAt >= total || stringsAt > total) return null;

  const text = (at: number, end: number): string | null => {
    const room = bytes.subarray(at, Math.min(end, at + LONGEST_NAME));
    const length = room.indexOf(0);
    return length < 0 ? null : Buffer.from(room.subarray(0, length)).toString('latin1');
  };
  const fresh = (name: string, start: number): FdtNode => ({
    name,
    properties: new Map(),
    children: [],
    span: { start, end: start },
    spans: new Map(),
  });
  const root = fresh('', 0);
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
      if (name === null || ++nodes > MOST_NODES || path.length >= MOST_DEPTH) return null;
      const parent = path.at(-1);
      if (parent === undefined && nodes > 1) return null;
      const node = parent === undefined ? root : fresh(name, at - 4);
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

/** A property that holds one 64-bit number in the machine's own byte order, as KHO writes them. */
export function u64Property(node: Pick<FdtNode, 'properties'>, name: string): number | null {
  const value = node.properties.get(name);
  if (value === undefined || value.length !== 8) return null;
  const number = Buffer.from(value).readBigUInt64LE();
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : null;
}

function align4(n: number): number {
  return (n + 3) & ~3;
}
