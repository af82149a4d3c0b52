// SPDX-License-Identifier: Apache-2.0
// The secret that a matrix and its workers share. It signs every message between them, and names their queue, so that
// those with another secret never meet.
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { messageOf, UsageError } from '../../../util/errors.js';
import { type Direction, type Head, MAX_BODY, type Sealed, sealedSchema } from './envelope.js';

const MIN_SECRET = 32;
const MAX_SECRET = 4096;
const HINT = 'make one with: openssl rand -hex 32';

/** `unsigned`: there is no secret here, so nobody knows who sent it. */
export type Opened = { kind: 'signed' | 'unsigned'; head: Head; body: string } | { kind: 'refused'; why: string };

export class QueueKey {
  /** Null without a secret. Private to the language, so that no log or error can show it. */
  readonly #key: KeyObject | null;
  /** Tells keys apart without telling them; null without a secret. */
  readonly mark: string | null;

  constructor(secret: string | null) {
    this.#key =
      secret === null
        ? null
        : createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'liveupdate-lab queue 1', 32)));
    this.mark = this.#key === null ? null : createHmac('sha256', this.#key).update('mark').digest('hex').slice(0, 16);
  }

  seal(head: Head, body: string): Sealed {
    return { head, body, mac: this.#key === null ? null : macOf(this.#key, head, body).toString('hex') };
  }

  /** Checks who sent a message, and for what, before anything reads its body. */
  open(message: unknown, expected: { direction: Direction; queue: string }): Opened {
    const { data } = sealedSchema.safeParse(message);
    if (data === undefined) return { kind: 'refused', why: 'it is no message of this lab' };
    const { head, body, mac } = data;
    if (body.length > MAX_BODY) return { kind: 'refused', why: `it has more than ${MAX_BODY} characters` };
    // Halves of characters: texts that differ only in them have the same bytes, and so the same signature.
    if (Buffer.from(body).toString() !== body) return { kind: 'refused', why: 'it is no proper text' };
    if (this.#key !== null) {
      if (mac === null) return { kind: 'refused', why: 'it is not signed' };
      if (!timingSafeEqual(Buffer.from(mac, 'hex'), macOf(this.#key, head, body)))
        return { kind: 'refused', why: 'its signature is wrong' };
    }
    if (head.direction !== expected.direction || head.queue !== expected.queue)
      return { kind: 'refused', why: `it is a ${head.direction} of another queue or direction` };
    return { kind: this.#key === null ? 'unsigned' : 'signed', head, body };
  }
}

/** Each field with its length: no two messages have the same bytes. */
function macOf(
  key: KeyObject,
  { direction, queue, matrix, cell, attempt, nonce, issuedAt }: Head,
  body: string,
): Buffer {
  const mac = createHmac('sha256', key);
  for (const field of [direction, queue, matrix, cell, String(attempt), nonce, String(issuedAt), body])
    mac.update(`${Buffer.byteLength(field)}:`).update(field);
  return mac.digest();
}

/**
 * Reads the secret from LAB_QUEUE_SECRET or the file LAB_QUEUE_SECRET_FILE, and removes both from the environment, so
 * that no child process gets them. Throws a UsageError if the secret is unusable.
 */
export function takeQueueKey(env: NodeJS.ProcessEnv): QueueKey {
  const { LAB_QUEUE_SECRET: secret, LAB_QUEUE_SECRET_FILE: file } = env;
  delete env['LAB_QUEUE_SECRET'];
  delete env['LAB_QUEUE_SECRET_FILE'];
  if (secret !== undefined && file !== undefined)
    throw new UsageError('LAB_QUEUE_SECRET and LAB_QUEUE_SECRET_FILE are both set', { hint: 'set one of them' });
  if (secret !== undefined) return new QueueKey(checked(secret, 'LAB_QUEUE_SECRET'));
  if (file !== undefined) return new QueueKey(checked(readSecret(file), `the secret in ${file}`));
  return new QueueKey(null);
}

function checked(secret: string, what: string): string {
  if (secret.length < MIN_SECRET || secret.length > MAX_SECRET)
    throw new UsageError(
      `${what} has ${secret.length} characters; expected at least ${MIN_SECRET} and at most ${MAX_SECRET}`,
      { hint: HINT },
    );
  return secret;
}

function readSecret(file: string): string {
  let fd: number | null = null;
  try {
    fd = openSync(file, 'r');
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_SECRET + 2) throw new Error('it is no small file');
    return readFileSync(fd, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`LAB_QUEUE_SECRET_FILE cannot be read: ${file}: ${messageOf(error)}`, { hint: HINT });
  } finally {
    if (fd !== null) closeSync(fd);
  }
}
