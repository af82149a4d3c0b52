// SPDX-License-Identifier: Apache-2.0
// One request of HTTP. Not fetch(): a server that closes the connection after its answer, as HTTP/1.0 does, can end the
// whole process there while the answer is still being written to the disk (undici of Node 24).
import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'PUT';
  headers: Record<string, string>;
  body?: Readable;
  signal: AbortSignal;
  /** The request fails when nothing has come for so long, also in the middle of the answer. Without it, no limit. */
  silenceMs?: number;
}

/** Returns the answer as soon as its head is there. The caller reads or destroys it. */
export function httpRequest(
  url: URL,
  { method, headers, body, signal, silenceMs }: HttpRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? secure : plain;
    // The common agent: it knows the proxies of NODE_USE_ENV_PROXY. It keeps no connection.
    const request = start(url, { method, headers: { ...headers, connection: 'close' }, signal });
    let answer: IncomingMessage | null = null;
    if (silenceMs !== undefined)
      request.setTimeout(silenceMs, () =>
        (answer ?? request).destroy(new Error(`nothing came for ${silenceMs / 1000} s`)),
      );
    request.on('response', (response) => resolve((answer = response)));
    request.on('error', reject);
    if (body === undefined) request.end();
    else pipeline(body, request).catch(reject);
  });
}
