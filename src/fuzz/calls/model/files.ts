// SPDX-License-Identifier: Apache-2.0
// Operations on files: the answer, and what they change.
import { type FileAction, type Seal, sealsOf, withImplied } from '../../../model/scenario/file-steps.js';
import type { RawAction } from '../../../model/scenario/raw.js';
import type { MemfdSpec } from '../../../model/scenario/scenario.js';
import { type Answer, IMPOSSIBLE, OK, type Verdict } from './answer.js';
import { ALLOCATE, answerOf, PUNCH_HOLE, SEAL, TRUNCATE, WRITE } from './rules.js';
import type { Descriptor, Inode, LuoState } from './state.js';

const PAGE = 4096;
/** A file with more changes is not followed (LIMITS.changes). */
const MAX_CHANGES = 28;

export type FileOperation = Exclude<FileAction, { op: 'get-name' } | RawAction>;

export function inodeOf({ size, seals, flags = [], huge }: MemfdSpec): Inode {
  const noexec = flags.includes('noexec');
  return {
    size,
    seals: new Set(sealsOf({ noexec, seals })),
    hugetlb: flags.includes('hugetlb'),
    huge,
    noexec,
    reserved: 0,
    preservedIn: null,
    heldBy: null,
    changes: 0,
  };
}

/** The byte after the last one that is written. A last page that is not full stays so. */
function endOfWrite({ size }: Inode, first: number, count: number): number {
  const end = (first + count) * PAGE;
  return size < end && size > end - PAGE ? size : end;
}

export function changeFile(state: LuoState, operation: FileOperation, client: string): Verdict {
  const file = state.files.get(operation.file);
  if (file === undefined || !state.holds('file', operation.file, client)) return IMPOSSIBLE;
  const { inode } = file;
  if (operation.op === 'seek') return OK;
  if (operation.op === 'reopen') return reopen(state, file, operation, client);
  if (operation.op === 'seal') return seal(file, operation.seals);
  if (inode.hugetlb || inode.changes >= MAX_CHANGES) return IMPOSSIBLE;
  inode.changes += 1;
  switch (operation.op) {
    case 'write': {
      const end = endOfWrite(inode, operation.first, operation.count);
      return applied(answerOf(WRITE, { file, end }), () => grow(inode, end));
    }
    case 'truncate': {
      const end = operation.size;
      return applied(answerOf(TRUNCATE, { file, end }), () => {
        if (end <= inode.size) inode.reserved = 0;
        inode.size = end;
      });
    }
    case 'fallocate': {
      const end = (operation.first + operation.count) * PAGE;
      const rules = operation.how === 'punch-hole' ? PUNCH_HOLE : ALLOCATE;
      return applied(answerOf(rules, { file, end }), () => {
        if (operation.how === 'allocate') grow(inode, end);
        if (operation.how === 'keep-size') inode.reserved = Math.max(inode.reserved, end);
        if (operation.how === 'punch-hole' && end >= inode.reserved) inode.reserved = 0;
      });
    }
  }
}

function applied(answer: Answer, change: () => void): Answer {
  if (answer.kind === 'ok') change();
  return answer;
}

function grow(inode: Inode, end: number): void {
  inode.size = Math.max(inode.size, end);
}

function reopen(
  state: LuoState,
  { inode }: Descriptor,
  { as, access }: Extract<FileAction, { op: 'reopen' }>,
  client: string,
): Verdict {
  if (state.files.has(as)) return IMPOSSIBLE;
  state.files.set(as, { inode, access });
  state.holders.made({ kind: 'file', name: as }, client);
  return OK;
}

function seal(file: Descriptor, seals: readonly Seal[]): Answer {
  const { inode } = file;
  const all = withImplied(seals, { executable: !inode.noexec });
  const adds = all.includes('write') && !inode.seals.has('write') ? 'write' : 'others';
  return applied(answerOf(SEAL, { file, end: 0, adds }), () => {
    for (const each of all) inode.seals.add(each);
  });
}

/** Whether pages lie beyond the last one of its size. */
export function reservesBeyondEnd({ size, reserved }: Inode): boolean {
  return reserved > Math.ceil(size / PAGE) * PAGE;
}
