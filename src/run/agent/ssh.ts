// SPDX-License-Identifier: Apache-2.0
// The SSH session with the running kernel. Its server starts when the first session is wanted: a machine that runs no
// command boots faster without it, and the same machine serves every run.
import { makeRunKey, type RunKey } from '../../guest/keys.js';
import type { Session, SshTarget } from '../../guest/session.js';
import type { AgentReply } from '../../guest/agent.js';
import { ClientGone, LabError, messageOf, NoProgress } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import type { AgentClient } from './client.js';

export interface SshReach {
  /** Starts the agent that starts the server. */
  startAgent: () => Promise<AgentClient>;
  connect: (login: Pick<SshTarget, 'privateKey' | 'hostKey'>) => Promise<Session>;
}

/** A SHA-256 in base64 without padding. */
const FINGERPRINT = /^[A-Za-z0-9+/]{43}$/;

export class Ssh {
  private key: RunKey | null = null;
  private agent: AgentClient | null = null;
  private opening: Promise<Session> | null = null;

  constructor(private readonly reach: SshReach) {}

  /**
   * The session with the running kernel. The first call opens it; after a failure, the next call tries again.
   * @param epoch the running kernel's
   */
  session(epoch: number): Promise<Session> {
    if (this.opening !== null) return this.opening;
    const session = this.open().catch((error: unknown) => {
      // In the first kernel, the lab's own network is more likely at fault than the kernel.
      throw epoch === 0 && (error instanceof NoProgress || error instanceof ClientGone)
        ? new LabError(messageOf(error), { cause: error })
        : error;
    });
    this.opening = session;
    session.catch(() => {
      if (this.opening === session) this.opening = null;
    });
    return session;
  }

  /** The kernel is gone, or soon will be. */
  close(): void {
    this.opening?.then(
      (session) => session.close(),
      () => undefined,
    );
    this.opening = null;
    this.agent?.drop();
    this.agent = null;
  }

  private async open(): Promise<Session> {
    const { privateKey, publicBlob } = (this.key ??= makeRunKey());
    if (this.agent === null || this.agent.isGone) this.agent = await this.reach.startAgent();
    const hostKey = fingerprintOf(await this.agent.call('ssh', { key: publicBlob }));
    return this.reach.connect({ privateKey, hostKey });
  }
}

function fingerprintOf(reply: AgentReply): string {
  if (!reply.ok) {
    const why = printable(`${reply.errno ?? ''} (${reply.at ?? ''})`, 200);
    throw new ClientGone(`the machine starts no SSH server: ${why}`);
  }
  const { fingerprint } = reply.data;
  if (typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint))
    throw new ClientGone("the agent's answer cannot be used: no fingerprint of an SSH host key");
  return fingerprint;
}
