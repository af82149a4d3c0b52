// SPDX-License-Identifier: Apache-2.0
// What the lab knows about each session: those of the running kernel, and those that must come back after a kexec.

export interface SessionState {
  name: string;
  /** `outgoing`: this kernel created it. `incoming`: it was retrieved from the previous kernel. */
  kind: 'outgoing' | 'incoming';
  finished: boolean;
}

export type SessionOp = 'retrieve-session' | 'finish' | 'close';

/** A session that must come back after the last kexec. */
export interface ExpectedSession {
  name: string;
  retrieved: boolean;
  /** Operations that the kernel refused against the scenario's demand, and why. */
  failed: Map<SessionOp, string>;
}
