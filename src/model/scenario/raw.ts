// SPDX-License-Identifier: Apache-2.0
// Steps that no careful client makes: any ioctl on any descriptor, and the text that /proc has for one.

/** Something that a client has open. */
export type Descriptor = { kind: 'session' | 'file'; name: string } | { kind: 'device' };

/** The calls of include/uapi/linux/liveupdate.h: on what, number, and size of the argument. */
export const IOCTLS = {
  create: { on: 'device', command: 0xba00, size: 72 },
  'retrieve-session': { on: 'device', command: 0xba01, size: 72 },
  preserve: { on: 'session', command: 0xba40, size: 16 },
  retrieve: { on: 'session', command: 0xba41, size: 16 },
  finish: { on: 'session', command: 0xba42, size: 8 },
  'get-name': { on: 'session', command: 0xba43, size: 72 },
} as const;
export type IoctlWord = keyof typeof IOCTLS;

/** What a call lacks: memory at its argument, memory where the kernel can write its answer, a free descriptor. */
export const LACKS = ['argument', 'answer', 'descriptor'] as const;
export type Lack = (typeof LACKS)[number];

export type RawAction =
  /** `size`: what the argument claims to be its size. `bytes`: what follows, in hexadecimal; the rest is zero. */
  | { op: 'ioctl'; on: Descriptor; command: number; size: number; bytes: string; without?: Lack }
  /** Reads the link of the session's descriptor in /proc/self/fd, which must name the session. */
  | { op: 'link'; session: string };

export const RAW_OPS = ['ioctl', 'link'] as const;

export function isRawAction<A extends { op: string }>(action: A): action is A & RawAction {
  return action.op === 'ioctl' || action.op === 'link';
}

/** The word of a command; null if it has none. */
export function ioctlWord(command: number): IoctlWord | null {
  const words = Object.keys(IOCTLS) as IoctlWord[];
  return words.find((word) => IOCTLS[word].command === command) ?? null;
}

/** For people. */
export function describeDescriptor(on: Descriptor): string {
  return on.kind === 'device' ? '/dev/liveupdate' : on.name;
}
