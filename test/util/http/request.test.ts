// SPDX-License-Identifier: Apache-2.0
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { httpRequest } from '../../../src/util/http/request.js';

it.each<[string, (response: ServerResponse) => void]>([
  ['before its answer', () => undefined],
  ['in the middle of its answer', (response) => void response.write('half')],
])('a server that falls silent %s fails the request', async (_, answer) => {
  const server = createServer((__, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => (server.closeAllConnections(), void server.close()));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const { signal } = new AbortController();
  const asked = httpRequest(url, { method: 'GET', headers: {}, signal, silenceMs: 50 });
  await expect(asked.then((response) => buffer(response))).rejects.toThrow('nothing came for 0.05 s');
});
