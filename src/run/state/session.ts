// SPDX-License-Identifier: Apache-2.0
// What the lab knows of each session: those of the running kernel, and those that the last kexec was to carry over.

export interface SessionState {
  name: string;
  /** `outgoing`: made by this kernel. `incoming`: retrieved from the one before. */
  kind: 'outgoing' | 'incoming';
  finished: boolean;
}

export type SessionOp = 'retrieve-session' | 'finish' | 'close';

/** A session that the last kexec was to carry over. */
export interface ExpectedSession {
  name: string;
  retrieved: boolean;
  /** What the kernel refused last, though the scenario did not say that it would, and why. */
  failed: Map<SessionOp, string>;
}
