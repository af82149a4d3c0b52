// SPDX-License-Identifier: Apache-2.0
// The way to Redis. A server that goes away is waited for: what was asked of it is asked again once it is back.
import { Redis } from 'ioredis';
import { within } from '../../util/deadline.js';
import { LabError, messageOf, UsageError } from '../../util/errors.js';

/** All keys of the lab begin with it. */
export const PREFIX = 'lab';

/** Milliseconds for the first contact. */
const FIRST_CONTACT = 5000;
const LONGEST_PAUSE = 2000;
/** Milliseconds for the last words. */
export const LONGEST_GOODBYE = 3000;

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
 * Throws a LabError where no Redis answers.
 * @param onTrouble told when the server is lost, and (null) when it is back
 */
export async function connect(
  url: string,
  onTrouble: (what: string | null) => void,
  signal: AbortSignal,
): Promise<Redis> {
  const redis = new Redis(checkUrl(url), {
    maxRetriesPerRequest: null,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(times * 100, LONGEST_PAUSE),
  });
  let reason = 'no answer';
  let [lost, met] = [false, false];
  redis.on('error', (error) => (reason = messageOf(error) || String((error as NodeJS.ErrnoException).code)));
  redis.on('close', () => {
    if (met && !lost && redis.status !== 'end')
      onTrouble(`Redis at ${shownUrl(url)} is gone (${reason}); waits until it is back`);
    lost = met;
  });
  redis.on('ready', () => {
    if (lost) onTrouble(null);
    lost = false;
    met = true;
  });
  try {
    redis.connect().catch(() => undefined);
    await within(redis.ping(), { ms: FIRST_CONTACT, what: 'answer', whose: 'host', signal });
  } catch (error) {
    redis.disconnect();
    signal.throwIfAborted();
    throw new LabError(`no Redis at ${shownUrl(url)}: ${reason === 'no answer' ? messageOf(error) : reason}`, {
      hint: 'start one: redis-server --port 6379',
    });
  }
  return redis;
}
