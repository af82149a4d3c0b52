// SPDX-License-Identifier: Apache-2.0
// The connection to Redis. If the server goes away, requests wait for it, and are sent again once it is back.
import { Redis } from 'ioredis';
import { within } from '../../util/deadline.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';

/** All keys of the lab start with this. */
export const PREFIX = 'lab';

/** Milliseconds to wait for the first answer. */
const MAX_CONNECT_MS = 5000;
/** Milliseconds between two attempts to reconnect. */
const MAX_PAUSE_MS = 2000;
/** Milliseconds for the last requests before the connection closes. */
export const MAX_CLOSE_MS = 3000;

export function checkUrl(url: string): string {
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new UsageError('expected the address of a Redis server, such as redis://host:6379', {
      hint: 'lab matrix PLAN --queue redis://HOST:PORT',
    });
  return url;
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
): Promise<Redis> {
  const redis = new Redis(checkUrl(url), {
    maxRetriesPerRequest: null,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(times * 100, MAX_PAUSE_MS),
  });
  let reason = 'no answer';
  let [lost, met] = [false, false];
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
    await within(redis.ping(), { ms: MAX_CONNECT_MS, what: 'answer', whose: 'host', signal });
  } catch (error) {
    redis.disconnect();
    signal.throwIfAborted();
    throw new LabError(`no Redis at ${shownUrl(url)}: ${reason === 'no answer' ? messageOf(error) : reason}`, {
      hint: 'start one: redis-server --port 6379',
    });
  }
  return redis;
}
