// SPDX-License-Identifier: Apache-2.0
// Connects to Redis, with TLS or without, and ends the connection if the server sends what no client should hold.
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector } from 'ioredis';
import { ReplyGuard } from './reply-guard.js';

/** Milliseconds for the server to close a connection that was ended. */
const DISCONNECT_MS = 2000;

export interface RedisAddress {
  host: string;
  port: number;
  tls: 'off' | { /** Certificates to believe; null for those of the system. */ ca: string | null };
}

/** The class that the client makes a connector of, once a connection. */
export function connectorTo({ host, port, tls }: RedisAddress) {
  return class extends AbstractConnector {
    constructor() {
      super(DISCONNECT_MS);
    }

    async connect(): Promise<Socket> {
      this.connecting = true;
      const stream =
        tls === 'off'
          ? connectPlain({ host, port })
          : connectTls({ host, port, ...(tls.ca === null ? {} : { ca: tls.ca }) });
      stream.once('error', (error) => (this.firstError = error));
      const guard = new ReplyGuard();
      stream.on('data', (chunk: Buffer) => {
        const problem = guard.take(chunk);
        if (problem !== null) stream.destroy(new Error(`the server sent ${problem}, more than the lab ever stores`));
      });
      this.stream = stream;
      return stream;
    }
  };
}
