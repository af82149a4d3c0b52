// SPDX-License-Identifier: Apache-2.0
// Ioctls with arguments that no careful client gives, on every kind of descriptor; and the links of descriptors.
import { type Descriptor, IOCTLS, type IoctlWord, LACKS } from '../../../model/scenario/raw.js';
import type { Draw } from './draw.js';
import type { Intent } from './intent.js';
import type { Scene } from './scene.js';

const WORDS = Object.keys(IOCTLS) as IoctlWord[];
const PAGE = 4096;

function descriptorOf(draw: Draw, scene: Scene, client: string): Descriptor | null {
  const session = draw.of([...scene.sessions('outgoing', client), ...scene.sessions('incoming', client)]);
  const file = draw.of(scene.files(client));
  const all: Descriptor[] = [
    ...(session === undefined ? [] : [{ kind: 'session' as const, name: session }]),
    ...(session === undefined ? [] : [{ kind: 'session' as const, name: session }]),
    ...(scene.model.state.device === client ? [{ kind: 'device' as const }] : []),
    ...(file === undefined ? [] : [{ kind: 'file' as const, name: file }]),
  ];
  return draw.of(all) ?? null;
}

/** Mostly one that the descriptor knows. */
function commandOf(draw: Draw, kind: Descriptor['kind']): number {
  const own = WORDS.filter((word) => IOCTLS[word].on === kind);
  const { command } = IOCTLS[draw.of(own.length > 0 && !draw.once(4) ? own : WORDS) ?? 'finish'];
  // The next number; the type of another driver; the bits of a direction and a size.
  return draw.once(4) ? draw.from([command + 1, command - 1, command ^ 0x100, command | 0x40080000]) : command;
}

function argumentOf(draw: Draw, command: number): { size: number; bytes: string } {
  const right = Object.values(IOCTLS).find((each) => each.command === command)?.size ?? 8;
  const size = draw.once(3) ? draw.from([right - 1, right + 1, right + 8, 0, 4, PAGE]) : right;
  const bytes = Buffer.alloc(Math.max(0, Math.min(size, right + 8) - 4));
  // Single words of the argument get values; the first one is reserved in some calls, a descriptor in others.
  for (let times = 1 + draw.below(2); times > 0; times--) {
    const at = draw.from([0, 0, 4, right - 4, right - 8, 8]);
    const value = draw.from([1, 0xffffffff, 0x80000000, 0x41414141, 0]);
    if (at >= 0 && at + 4 <= bytes.length) bytes.writeUInt32LE(value, at);
  }
  if (draw.once(6)) bytes.fill(0x41);
  // All but the size may be zero.
  return { size, bytes: bytes.toString('hex').replace(/(00)+$/, '') };
}

export const RAW: readonly Intent[] = [
  {
    weight: 8,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const on = descriptorOf(draw, scene, name);
      if (on === null) return [];
      const command = commandOf(draw, on.kind);
      const without = draw.once(6) ? { without: draw.from(LACKS) } : {};
      return [{ op: 'ioctl', on, command, ...argumentOf(draw, command), ...without, ...by }];
    },
  },
  {
    weight: 4,
    operations: (draw, scene) => {
      const { name: client, ...by } = scene.client(draw);
      const hasDevice = scene.model.state.device === client;
      const on = hasDevice && !draw.once(3) ? { kind: 'device' as const } : descriptorOf(draw, scene, client);
      if (on === null) return [];
      const { word, name } = lacking(draw, scene, on.kind);
      const { command, size } = IOCTLS[word];
      const bytes = name === '' ? '' : `00000000${Buffer.from(name).toString('hex')}`;
      return [{ op: 'ioctl', on, command, size, bytes, without: draw.from(LACKS), ...by }];
    },
  },
];

/** One that would work, but that the caller lacks something: a name that exists, or a new one. */
function lacking(draw: Draw, scene: Scene, kind: Descriptor['kind']): { word: IoctlWord; name: string } {
  const handed = draw.of(scene.handed());
  if (kind !== 'device') return { word: 'get-name', name: '' };
  if (handed !== undefined && !draw.once(4)) return { word: 'retrieve-session', name: handed };
  return { word: 'create', name: `lacking-${draw.below(4)}` };
}

/** A sound call. */
export const LINKS: readonly Intent[] = [
  {
    weight: 3,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const session = draw.of([...scene.sessions('outgoing', name), ...scene.sessions('incoming', name)]);
      return session === undefined ? [] : [{ op: 'link', session, ...by }];
    },
  },
];
