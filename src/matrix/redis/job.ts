// SPDX-License-Identifier: Apache-2.0
// Reads a job that Redis has, as anybody may have left it.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { parseJson } from '../../util/json.js';
import { MAX_BODY } from './seal/envelope.js';

/**
 * Returns the fields of a job, or nothing if one is too large. In one step: a field that grows between two steps would
 * end the connection again and again.
 */
const READ = `
for i = 2, #ARGV do
  if redis.call('HSTRLEN', KEYS[1], ARGV[i]) > tonumber(ARGV[1]) then return {} end
end
return redis.call('HMGET', KEYS[1], unpack(ARGV, 2))`;
const FIELDS = ['data', 'returnvalue', 'failedReason'] as const;
const fieldsSchema = z.tuple([z.string().nullable(), z.string().nullable(), z.string().nullable()]);
/** Bytes of a field: a body, with room for how JSON writes it. */
const MAX_FIELD_BYTES = MAX_BODY + (4 << 20);

export interface JobInRedis {
  data: unknown;
  returnvalue: unknown;
  failedReason: unknown;
}

/** Null if what is there is no job; undefined if nothing is, or Redis is gone. */
export async function readJob(redis: Redis, key: string): Promise<JobInRedis | null | undefined> {
  try {
    if ((await redis.exists(key)) === 0) return undefined;
    const fields = await redis.eval(READ, 1, key, MAX_FIELD_BYTES, ...FIELDS);
    const read = fieldsSchema.safeParse(fields).data;
    if (read === undefined) return null;
    const [data, returnvalue, failedReason] = read;
    return { data: valueOf(data), returnvalue: valueOf(returnvalue), failedReason };
  } catch {
    return redis.status === 'ready' ? null : undefined;
  }
}

function valueOf(text: string | null): unknown {
  return text === null ? null : (parseJson(text, z.unknown()) ?? text);
}
