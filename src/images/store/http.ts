// SPDX-License-Identifier: Apache-2.0
// A store behind a web server. Reading needs GET alone, so any server of static files will do. Writing needs PUT.
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LabError, messageOf } from '../../util/errors.js';
import type { Backend } from './backend.js';
import { bounded } from './bounded.js';

/** Answers of servers that have no PUT. */
const NO_PUT = [403, 404, 405, 501];
/** How long a server may take to answer at all. */
const ANSWER_MS = 10_000;

/** A request besides its path: plain headers, so that those of the password can be added. */
type Ask = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> };

export function httpBackend(address: string): Backend {
  const base = new URL(address.endsWith('/') ? address : `${address}/`);
  const headers: Record<string, string> = {};
  if (base.username !== '') {
    const secret = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(secret).toString('base64')}`;
    // fetch() refuses a URL with a password, and no message may show it.
    base.username = base.password = '';
  }
  const at = (path: string) => {
    const url = new URL(base);
    url.pathname += path;
    return url;
  };
  const ask = async (path: string, asked: Ask, signal: AbortSignal): Promise<Response> => {
    const { headers: more, ...init } = asked;
    try {
      return await fetch(at(path), { ...init, headers: { ...headers, ...more }, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new LabError(`cannot reach it: ${reasonOf(error)}`, { cause: error });
    }
  };
  return {
    label: base.href.replace(/\?.*$/, ''),
    async fetch(path, to, limits) {
      const response = await ask(path, {}, limits.signal);
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return 'missing';
      }
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        throw new LabError(`it answers with HTTP status ${response.status}`);
      }
      await pipeline(Readable.fromWeb(response.body as never), bounded(limits), createWriteStream(to), {
        signal: limits.signal,
      });
      return 'found';
    },
    async send(from, path, signal) {
      const length = String(statSync(from).size);
      const body = Readable.toWeb(createReadStream(from)) as ReadableStream;
      const init = { method: 'PUT', body, duplex: 'half', headers: { 'content-length': length } };
      const response = await ask(path, init, signal);
      await response.body?.cancel();
      if (response.ok) return;
      const status = `HTTP status ${response.status}`;
      if (!NO_PUT.includes(response.status)) throw new LabError(`it does not store ${path}: ${status}`);
      throw new LabError(`the server takes no PUT (${status})`, {
        hint: 'push into a folder (lab images push --store FOLDER), and let the server serve that folder',
      });
    },
    async size(path, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
      const response = await ask(path, { method: 'HEAD' }, limit);
      const length = response.headers.get('content-length');
      return response.ok && length !== null ? Number(length) : null;
    },
  };
}

/** fetch() says only "fetch failed"; the reason is in its cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? messageOf(error) : messageOf(cause) || (cause as NodeJS.ErrnoException).code || 'failed';
}
