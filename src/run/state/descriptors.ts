// SPDX-License-Identifier: Apache-2.0
// Descriptors of any kind that sessions preserve, and what the kernel said about each.
import type { Token } from '../../model/scenario/token.js';

/** What a kernel says about a descriptor, without reading through it. */
export interface DescriptorLook {
  /** What /proc/self/fd shows, without the numbers that differ from kernel to kernel. */
  link: string;
  type: string;
  access: string;
  size: number;
  position: number;
  mode: number;
  major: number;
  minor: number;
}

export interface PreservedDescriptor {
  /** Its name in the scenario. */
  fd: string;
  session: string;
  token: Token;
  /** Null if the agent could not say. */
  look: DescriptorLook | null;
}

export class Descriptors {
  private leaving: PreservedDescriptor[] = [];
  private expected: PreservedDescriptor[] = [];
  /** Of those, the ones that a program of this kernel writes to. */
  private written = new Set<PreservedDescriptor>();

  preserved(descriptor: PreservedDescriptor): void {
    this.leaving.push(descriptor);
  }

  /** A descriptor that must come back under this token; null if none was handed over. */
  awaited(session: string, token: Token): PreservedDescriptor | null {
    return this.expected.find((each) => each.session === session && each.token === token) ?? null;
  }

  /** A program writes to it from now on. */
  willBeWritten(descriptor: PreservedDescriptor): void {
    this.written.add(descriptor);
  }

  isWritten(session: string, token: Token): boolean {
    const descriptor = this.awaited(session, token);
    return descriptor !== null && this.written.has(descriptor);
  }

  /** A kernel that closes a session of its own no longer preserves its descriptors. */
  closedSession(session: string): void {
    this.leaving = this.leaving.filter((each) => each.session !== session);
  }

  /** @param sessions those that the kernel handed over */
  jumped(sessions: ReadonlySet<string>): void {
    this.expected = this.leaving.filter(({ session }) => sessions.has(session));
    this.leaving = [];
    this.written = new Set();
  }
}
