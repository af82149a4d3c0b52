// SPDX-License-Identifier: Apache-2.0
// Ports of a cold run, with everything that passes them written to the journal until the last rung is saved.
import type { AgentChannel } from '../../guest/agent.js';
import type { Port } from '../../guest/port.js';
import { LineSplitter } from '../../util/text/lines.js';
import type { Journal } from '../journal/journal.js';

/** The longest reply that is journalled, in bytes; the agent protocol has the same limit. */
const MAX_LINE = 48 << 20;

/** Takes what passes a port. */
export type PortJournal = Pick<Journal, 'opened' | 'closed' | 'sent' | 'received'>;

export class JournalledPort implements Port {
  constructor(
    private readonly port: Port,
    private readonly number: number,
    /** Null once nothing more is journalled. */
    private readonly journal: () => PortJournal | null,
  ) {}

  async open(): Promise<AgentChannel> {
    const channel = await this.port.open();
    this.journal()?.opened(this.number);
    return this.journalled(channel);
  }

  close(): void {
    this.port.close();
  }

  private journalled(channel: AgentChannel): AgentChannel {
    const { number, journal } = this;
    const sent = new LineSplitter((line) => journal()?.sent(number, line), MAX_LINE);
    const received = new LineSplitter((line) => journal()?.received(number, line), MAX_LINE);
    return {
      on(event: 'data' | 'close', take: ((chunk: Buffer) => void) & (() => void)) {
        if (event === 'close')
          return channel.on('close', () => {
            journal()?.closed(number);
            take();
          });
        return channel.on('data', (chunk) => {
          if (journal() !== null) received.feed(chunk);
          take(chunk);
        });
      },
      write(text: string) {
        if (journal() !== null) sent.feed(Buffer.from(text));
        return channel.write(text);
      },
      destroy: () => channel.destroy(),
    };
  }
}
