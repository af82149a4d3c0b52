// SPDX-License-Identifier: Apache-2.0
// Ioctls with any argument: the refusals that the kernel owes, in the order in which it asks (luo_ioctl() in
// luo_core.c, luo_session_ioctl() in luo_session.c). None of them may change anything.
import { IOCTLS, type IoctlWord, ioctlWord, type RawAction } from '../../../model/scenario/raw.js';
import { tokenOf } from '../../../model/scenario/token.js';
import { type Answer, IMPOSSIBLE, OK, refused, type Verdict } from './answer.js';
import { answerOf, CREATE, PRESERVE_TOKEN, RETRIEVE_SESSION, type Rule, type SessionCall } from './rules.js';
import type { Kernel } from './sessions.js';
import type { LuoState } from './state.js';

type Ioctl = Extract<RawAction, { op: 'ioctl' }>;

interface RawCall {
  ioctl: Ioctl;
  /** The command with the same number, whatever else its bits say; null if the kernel has none on such a descriptor. */
  word: IoctlWord | null;
  /** Incoming sessions were retrieved, outgoing ones created. */
  direction: 'incoming' | 'outgoing' | null;
}

/** The agent maps this much; what lies behind depends on it. */
const ROOM = 8192;
const SIZE_BYTES = 4;

const payload = ({ ioctl }: RawCall) => Buffer.from(ioctl.bytes, 'hex');
const wordAt = (call: RawCall, offset: number) => {
  const bytes = Buffer.concat([payload(call), Buffer.alloc(offset + 8)]);
  return bytes.readUInt32LE(offset - SIZE_BYTES);
};
const needs =
  (direction: 'incoming' | 'outgoing', ...words: IoctlWord[]) =>
  ({ word, direction: has }: RawCall) =>
    word !== null && words.includes(word) && has !== direction;
const isOther = ({ ioctl, word }: RawCall) => word !== null && ioctl.command !== IOCTLS[word].command;
/** Each structure is as long as the part of it that a caller must give. */
const isShort = ({ ioctl, word }: RawCall) => word !== null && ioctl.size < IOCTLS[word].size;
const hasMore = (call: RawCall) =>
  call.word !== null &&
  payload(call)
    .subarray(IOCTLS[call.word].size - SIZE_BYTES, Math.max(0, call.ioctl.size - SIZE_BYTES))
    .some((byte) => byte !== 0);
/** A later kernel may give a meaning to a reserved field, so it must be zero. */
const isReserved = (call: RawCall) => (call.word === 'finish' || call.word === 'get-name') && wordAt(call, 4) !== 0;

/** These ask for a free descriptor before they look at the name or the token. */
const MAKES: readonly IoctlWord[] = ['create', 'retrieve-session', 'retrieve'];

const IOCTL: readonly Rule<RawCall>[] = [
  { when: ({ ioctl }) => ioctl.on.kind === 'file', errno: 'ENOTTY' },
  { when: ({ word }) => word === null, errno: 'EINVAL' },
  { when: ({ ioctl }) => ioctl.without === 'argument', errno: 'EFAULT' },
  { when: isOther, errno: 'ENOTTY' },
  { when: needs('incoming', 'retrieve', 'finish'), errno: 'EINVAL' },
  { when: needs('outgoing', 'preserve'), errno: 'EINVAL' },
  { when: isShort, errno: 'EINVAL' },
  { when: hasMore, errno: 'E2BIG' },
  {
    when: ({ ioctl, word }) => ioctl.without === 'descriptor' && word !== null && MAKES.includes(word),
    errno: 'EMFILE',
  },
  { when: isReserved, errno: 'EINVAL' },
];

export function callRaw(
  state: LuoState,
  operation: RawAction,
  { kernel, client }: { kernel: Kernel; client: string },
): Verdict {
  if (operation.op === 'link')
    return state.open(operation.session) !== null && state.holds('session', operation.session, client)
      ? OK
      : IMPOSSIBLE;
  const { on } = operation;
  const target = on.kind === 'session' ? state.open(on.name) : null;
  const isOpen =
    on.kind === 'device'
      ? state.device === client
      : (on.kind === 'file' ? state.files.has(on.name) : target !== null) && state.holds(on.kind, on.name, client);
  if (!isOpen || operation.size > ROOM) return IMPOSSIBLE;
  const call: RawCall = { ioctl: operation, word: wordOf(operation, kernel), direction: target?.kind ?? null };
  const answer = answerOf(IOCTL, call);
  if (answer.kind !== 'ok' || call.word === null) return answer;
  return carriedOut(call.word, call, { state, kernel, client });
}

/** The command that a descriptor of this kind has under this number. */
function wordOf({ on, command }: Ioctl, { rules }: Kernel): IoctlWord | null {
  const word = ioctlWord(0xba00 | (command & 0xff));
  if (word === null || IOCTLS[word].on !== on.kind) return null;
  return word === 'get-name' && rules.getName === 'unknown' ? null : word;
}

/** The kernel takes the argument. What would change something is left to the steps that the lab follows. */
function carriedOut(
  word: IoctlWord,
  call: RawCall,
  { state, kernel, client }: { state: LuoState; kernel: Kernel; client: string },
): Verdict {
  switch (word) {
    case 'get-name':
      return answered(OK, call);
    case 'create':
      // The agent closes the session at once.
      return answered(answerOf(CREATE, { state, client, name: nameIn(call), ...kernel }), call);
    case 'retrieve-session': {
      const answer = answerOf(RETRIEVE_SESSION, { state, client, name: nameIn(call), ...kernel });
      if (answer.kind !== 'ok') return answer;
      return call.ioctl.without === 'answer' ? answered(answer, call) : IMPOSSIBLE;
    }
    case 'preserve':
      return preserve(call, state, kernel);
    case 'retrieve':
    case 'finish':
      return IMPOSSIBLE;
  }
}

/** A call whose answer cannot be written has failed, and a call that failed leaves everything as it was. */
function answered(answer: Answer, { ioctl }: RawCall): Answer {
  return answer.kind === 'ok' && ioctl.without === 'answer' ? refused('EFAULT') : answer;
}

/** Up to its terminator; a name without one fills the field. */
function nameIn(call: RawCall): string {
  const field = Buffer.concat([payload(call).subarray(4, 68), Buffer.alloc(64)]).subarray(0, 64);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? 64 : end).toString('utf8');
}

const NO_DESCRIPTOR = 0xffffffff;
const STDIN = 0;

function preserve(call: RawCall, state: LuoState, kernel: Kernel): Verdict {
  const { on } = call.ioctl;
  const target = on.kind === 'session' ? state.open(on.name) : null;
  if (target === null) return IMPOSSIBLE;
  const low = wordAt(call, 8);
  const token = tokenOf((BigInt(wordAt(call, 12)) << 32n) | BigInt(low)) ?? 0;
  const session: SessionCall = { target, token, ...kernel };
  const answer = answerOf(PRESERVE_TOKEN, session);
  if (answer.kind !== 'ok') return answer;
  const fd = wordAt(call, 4);
  if (fd === NO_DESCRIPTOR) return refused('EBADF');
  // The agent's input: no handler knows it.
  return fd === STDIN ? refused('ENOENT') : IMPOSSIBLE;
}
