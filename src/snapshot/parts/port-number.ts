// SPDX-License-Identifier: Apache-2.0
// Which agent's port a socket belongs to.
import { basename } from 'node:path';
import { agentSocket } from '../../qemu/args.js';

const MAX_PORTS = 1000;

/** The number of a port, by QEMU's socket for it. Throws an Error for another socket. */
export function portNumber(path: string): number {
  const name = basename(path);
  const number = Number(/\d+/.exec(name)?.[0] ?? MAX_PORTS);
  if (number >= MAX_PORTS || agentSocket(number) !== name) throw new Error(`${path} is not the port of an agent`);
  return number;
}
