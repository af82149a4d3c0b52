// SPDX-License-Identifier: Apache-2.0
// A web server over a folder, as an image store needs it, with faults on request.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from '../folder.js';

export interface Server {
  folder: string;
  address: string;
  requests: { method: string; path: string; authorization: string | undefined }[];
  /** Answers a request instead of the server; returns false to leave it to the server. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export async function serve(put: 'put' | 'no put' = 'put'): Promise<Server> {
  const state: Server = { folder: temporaryFolder(), address: '', requests: [], fault: () => false };
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/^\/store\//, '');
    state.requests.push({ method: request.method ?? '', path, authorization: request.headers.authorization });
    if (state.fault(request, response)) return;
    const file = join(state.folder, path);
    if (request.method === 'PUT') {
      if (put === 'no put') return void response.writeHead(405).end();
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, Buffer.concat(chunks));
        response.writeHead(201).end();
      });
      return;
    }
    if (!existsSync(file)) return void response.writeHead(404).end();
    const data = readFileSync(file);
    response.writeHead(200, { 'content-length': data.length });
    response.end(request.method === 'HEAD' ? undefined : data);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  state.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/store`;
  return state;
}
