// SPDX-License-Identifier: Apache-2.0
// The connection to Redis. If the server goes away, requests wait for it, and are sent again once it is back.
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { within } from '../../util/deadline.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { connectorTo, type RedisAddress } from './connector.js';

/** All keys of the lab start with this. */
export const PREFIX = 'lab';

/** Milliseconds to wait for the first answer, unless the caller says otherwise. */
const MAX_CONNECT_MS = 5000;
/** Milliseconds between two attempts to reconnect. */
const MAX_PAUSE_MS = 2000;
/** Milliseconds for the last requests before the connection closes. */
export const MAX_CLOSE_MS = 3000;

export function checkUrl(url: string): string {
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url) || !isDecodable(url))
    throw new UsageError('expected the address of a Redis server, such as redis://host:6379', {
      hint: 'lab matrix PLAN --queue redis://HOST:PORT',
    });
  return url;
}

function isDecodable(url: string): boolean {
  try {
    const { username, password } = new URL(url);
    return decodeURIComponent(username + password) !== null;
  } catch {
    return false;
  }
}

/** Where the URL leads. LAB_QUEUE_CA names a file with the certificates that sign the server's own. */
function addressOf(url: string): RedisAddress {
  const { hostname, port, protocol } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 6379 : Number(port) };
  const file = process.env['LAB_QUEUE_CA'];
  if (protocol === 'rediss:') return { ...address, tls: { ca: file === undefined ? null : readCa(file) } };
  if (file !== undefined)
    throw new UsageError('LAB_QUEUE_CA is set, but redis:// uses no TLS', { hint: 'write rediss://HOST:PORT' });
  return { ...address, tls: 'off' };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`LAB_QUEUE_CA cannot be read: ${messageOf(error)}`);
  }
}

/** The address without its password. */
export function shownUrl(url: string): string {
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}${parsed.pathname === '/' ? '' : parsed.pathname}`;
}

/**
 * Throws a LabError if no Redis answers.
 * @param onTrouble gets a message when the server is lost, and null when it is back
 */
export async function connect(
  url: string,
  onTrouble: (what: string | null) => void,
  signal: AbortSignal,
  { connectMs = MAX_CONNECT_MS }: { connectMs?: number | undefined } = {},
): Promise<Redis> {
  const redis = new Redis(checkUrl(url), {
    Connector: connectorTo(addressOf(url)),
    maxRetriesPerRequest: null,
    // A user of Redis needs no right for it then.
    disableClientInfo: true,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(times * 100, MAX_PAUSE_MS),
  });
  let reason = 'no answer';
  let [lost, met] = [false, false];
  // Waiting mends neither a wrong password nor a wrong certificate.
  const refused = new Promise<never>((_resolve, reject) => {
    redis.on('error', (error) => {
      if (!met && hintFor(messageOf(error)) !== START) reject(error);
    });
  });
  refused.catch(() => undefined);
  redis.on('error', (error) => (reason = messageOf(error) || String((error as NodeJS.ErrnoException).code)));
  redis.on('close', () => {
    if (met && !lost && redis.status !== 'end')
      onTrouble(`Redis at ${shownUrl(url)} is gone (${reason}); waiting until it is back`);
    lost = met;
  });
  redis.on('ready', () => {
    if (lost) onTrouble(null);
    lost = false;
    met = true;
  });
  try {
    redis.connect().catch(() => undefined);
    const ready = Promise.race([redis.ping(), refused]);
    await within(ready, { ms: connectMs, what: 'answer', whose: 'host', signal });
  } catch (error) {
    redis.disconnect();
    signal.throwIfAborted();
    const why = reason === 'no answer' ? messageOf(error) : reason;
    throw new LabError(`no Redis at ${shownUrl(url)}: ${why}`, { hint: hintFor(why) });
  }
  return redis;
}

const START = 'start one: redis-server --port 6379';

function hintFor(why: string): string {
  if (/WRONGPASS|NOAUTH/.test(why))
    return 'write the user and password into the address: redis://USER:PASSWORD@HOST:PORT';
  if (/NOPERM/.test(why)) return 'give the user the rights that docs/matrix.md lists';
  if (/certificate|CERT_|altnames/i.test(why)) return 'name the certificate that signed it: LAB_QUEUE_CA=FILE.pem';
  return START;
}
