// SPDX-License-Identifier: Apache-2.0
// A GET that follows redirects, as mirrors of archives send them.
import type { IncomingMessage } from 'node:http';
import { httpRequest, type HttpRequest } from './request.js';

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Returns the first answer that is no redirect. The caller reads or destroys it. */
export async function httpGet(
  address: string,
  options: Omit<HttpRequest, 'method' | 'body'>,
): Promise<IncomingMessage> {
  let url = new URL(address);
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const response = await httpRequest(url, { ...options, method: 'GET' });
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    url = new URL(location, url);
    if (!['http:', 'https:'].includes(url.protocol)) throw new Error(`a redirect to ${url.protocol} is not followed`);
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}
