// SPDX-License-Identifier: Apache-2.0
// A store behind a web server. Reading needs GET alone, so any server of static files will do. Writing needs PUT.
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LabError, messageOf } from '../../util/errors.js';
import type { Backend } from './backend.js';
import { bounded } from './bounded.js';
import { httpRequest, type HttpRequest } from '../../util/http/request.js';

/** Answers of servers that have no PUT. */
const NO_PUT = [403, 404, 405, 501];
/** How long a server may take to answer at all. */
const ANSWER_MS = 10_000;

type Ask = Pick<HttpRequest, 'method'> & { headers?: Record<string, string>; body?: Readable };

export function httpBackend(address: string): Backend {
  const base = new URL(address.endsWith('/') ? address : `${address}/`);
  const headers: Record<string, string> = {};
  if (base.username !== '') {
    const secret = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(secret).toString('base64')}`;
    // No message may show it.
    base.username = base.password = '';
  }
  const at = (path: string) => {
    const url = new URL(base);
    url.pathname += path;
    return url;
  };
  const ask = async (path: string, asked: Ask, signal: AbortSignal): Promise<IncomingMessage> => {
    try {
      return await httpRequest(at(path), { ...asked, headers: { ...headers, ...asked.headers }, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new LabError(`cannot reach it: ${reasonOf(error)}`, { cause: error });
    }
  };
  return {
    label: base.href.replace(/\?.*$/, ''),
    async fetch(path, to, limits) {
      const response = await ask(path, { method: 'GET' }, limits.signal);
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        response.destroy();
        if (status === 404 || status === 410) return 'missing';
        throw new LabError(`it answers with HTTP status ${status}`);
      }
      await pipeline(response, bounded(limits), createWriteStream(to), { signal: limits.signal });
      return 'found';
    },
    async send(from, path, signal) {
      const length = String(statSync(from).size);
      const body = createReadStream(from);
      const response = await ask(path, { method: 'PUT', body, headers: { 'content-length': length } }, signal);
      const code = response.statusCode ?? 0;
      response.destroy();
      if (code >= 200 && code < 300) return;
      const status = `HTTP status ${code}`;
      if (!NO_PUT.includes(code)) throw new LabError(`it does not store ${path}: ${status}`);
      throw new LabError(`the server takes no PUT (${status})`, {
        hint: 'push into a folder (lab images push --store FOLDER), and let the server serve that folder',
      });
    },
    async size(path, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
      const response = await ask(path, { method: 'HEAD' }, limit);
      const length = response.headers['content-length'];
      response.destroy();
      return response.statusCode === 200 && length !== undefined ? Number(length) : null;
    },
  };
}

function reasonOf(error: unknown): string {
  return messageOf(error) || ((error as NodeJS.ErrnoException).code ?? 'failed');
}
