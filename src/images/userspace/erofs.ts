// SPDX-License-Identifier: Apache-2.0
// Writes EROFS images (fs/erofs/erofs_fs.h): a read-only file system of plain blocks, which kernels mount at
// once. Everything belongs to root, and nothing has a time. So the same entries give the same bytes, and writing needs
// neither rights nor a tool of the host.

export type ErofsEntry =
  | { kind: 'dir'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; data: Buffer }
  | { kind: 'link'; path: string; target: string };

const BLOCK = 4096;
const MAGIC = 0xe0f5e1e2;
const SUPER_AT = 1024;
/** struct erofs_inode_extended, and the unit in which inodes are numbered. */
const INODE = 64;
const SLOT = 32;
/** The root is the second inode: programs take an entry with the number 0 for none. */
const FIRST = 1;
/** i_format: extended, all data in whole blocks. */
const FORMAT = 1;
/** struct erofs_dirent. */
const DIRENT = 12;
const KINDS = {
  dir: { mode: 0o040000, type: 2 },
  file: { mode: 0o100000, type: 1 },
  link: { mode: 0o120000, type: 7 },
};
const LINK_MODE = 0o777;

interface Node {
  entry: ErofsEntry;
  /** Number of the inode. */
  nid: number;
  /** By name; of a folder. */
  children: Map<string, Node>;
  parent: Node | null;
}

/** Takes entries in any order; folders without an entry of their own are made. Later entries win. */
export function erofsImage(entries: Iterable<ErofsEntry>): Buffer {
  const root: Node = folder('', null);
  for (const entry of entries) place(root, entry);
  const nodes = [...walk(root)];
  nodes.forEach((node, index) => (node.nid = ((FIRST + index) * INODE) / SLOT));
  const metaBlock = 1;
  let block = metaBlock + blocksOf((FIRST + nodes.length) * INODE);
  const meta = Buffer.alloc((block - metaBlock) * BLOCK);
  const data: Buffer[] = [];
  for (const [index, node] of nodes.entries()) {
    const bytes = contentOf(node);
    writeInode(meta, index, { node, size: bytes.length, block });
    block += blocksOf(bytes.length);
    data.push(bytes, Buffer.alloc(blocksOf(bytes.length) * BLOCK - bytes.length));
  }
  return Buffer.concat([superBlock({ inodes: nodes.length, blocks: block, metaBlock, root: root.nid }), meta, ...data]);
}

const blocksOf = (bytes: number): number => Math.ceil(bytes / BLOCK);

function folder(path: string, parent: Node | null): Node {
  return { entry: { kind: 'dir', path, mode: 0o755 }, nid: 0, children: new Map(), parent };
}

function place(root: Node, entry: ErofsEntry): void {
  const names = entry.path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) throw new Error(`${JSON.stringify(entry.path)} is not a valid path in an image`);
  const last = names.pop();
  if (last === undefined) {
    if (entry.kind === 'dir') root.entry = entry;
    return;
  }
  let at = root;
  for (const name of names) at = childFolder(at, name);
  const before = at.children.get(last);
  if (before?.entry.kind === 'dir' && entry.kind === 'dir') before.entry = entry;
  else at.children.set(last, { entry, nid: 0, children: new Map(), parent: at });
}

function childFolder(at: Node, name: string): Node {
  const known = at.children.get(name);
  if (known?.entry.kind === 'dir') return known;
  if (known !== undefined) throw new Error(`${known.entry.path} is no folder, and has something in it`);
  const made = folder(`${at.entry.path}/${name}`, at);
  at.children.set(name, made);
  return made;
}

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const name of [...node.children.keys()].sort(byBytes)) yield* walk(node.children.get(name) as Node);
}

/** The kernel searches names as bytes. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function contentOf(node: Node): Buffer {
  const { entry } = node;
  if (entry.kind === 'file') return entry.data;
  return entry.kind === 'link' ? Buffer.from(entry.target) : folderContent(node);
}

/** Blocks of entries, each with its names behind it; no name crosses a block. */
function folderContent(node: Node): Buffer {
  const all: [string, Node][] = [['.', node], ['..', node.parent ?? node], ...node.children];
  all.sort(([a], [b]) => byBytes(a, b));
  const blocks: Buffer[] = [];
  let own: [Buffer, Node][] = [];
  let used = 0;
  const flush = (isLast: boolean) => {
    if (own.length > 0) blocks.push(folderBlock(own, isLast ? used : BLOCK));
    own = [];
    used = 0;
  };
  for (const [name, child] of all) {
    const bytes = Buffer.from(name);
    if (used + DIRENT + bytes.length > BLOCK) flush(false);
    own.push([bytes, child]);
    used += DIRENT + bytes.length;
  }
  flush(true);
  return Buffer.concat(blocks);
}

function folderBlock(entries: readonly [Buffer, Node][], size: number): Buffer {
  const block = Buffer.alloc(size);
  let nameAt = entries.length * DIRENT;
  for (const [index, [name, child]] of entries.entries()) {
    const at = index * DIRENT;
    block.writeBigUInt64LE(BigInt(child.nid), at);
    block.writeUInt16LE(nameAt, at + 8);
    block.writeUInt8(KINDS[child.entry.kind].type, at + 10);
    name.copy(block, nameAt);
    nameAt += name.length;
  }
  return block;
}

function writeInode(meta: Buffer, index: number, { node, size, block }: { node: Node; size: number; block: number }) {
  const { entry, children } = node;
  const at = (FIRST + index) * INODE;
  const folders = [...children.values()].filter((child) => child.entry.kind === 'dir').length;
  meta.writeUInt16LE(FORMAT, at);
  meta.writeUInt16LE(KINDS[entry.kind].mode | (entry.kind === 'link' ? LINK_MODE : entry.mode), at + 4);
  meta.writeBigUInt64LE(BigInt(size), at + 8);
  meta.writeUInt32LE(block, at + 16);
  meta.writeUInt32LE(index + 1, at + 20);
  meta.writeUInt32LE(entry.kind === 'dir' ? 2 + folders : 1, at + 44);
}

interface Volume {
  inodes: number;
  blocks: number;
  metaBlock: number;
  root: number;
}

function superBlock({ inodes, blocks, metaBlock, root }: Volume): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.writeUInt32LE(MAGIC, SUPER_AT);
  block.writeUInt8(Math.log2(BLOCK), SUPER_AT + 12);
  block.writeUInt16LE(root, SUPER_AT + 14);
  block.writeBigUInt64LE(BigInt(inodes), SUPER_AT + 16);
  block.writeUInt32LE(blocks, SUPER_AT + 36);
  block.writeUInt32LE(metaBlock, SUPER_AT + 40);
  return block;
}
