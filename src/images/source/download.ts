// SPDX-License-Identifier: Apache-2.0
// Fetches a file by URL, resumes earlier attempts, and accepts it only if the checksum matches.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { httpGet } from '../../util/http/get.js';
import type { Workspace } from '../context.js';
import type { Source } from '../definition/definition.js';

const ATTEMPTS = 4;
/** A server that sends nothing for so long is asked again. */
const SILENCE_MS = 120_000;
/** Largest file, in bytes. The source of a kernel, unpacked, has about 1.6 GiB. */
const MAX_BYTES = 4 * 2 ** 30;

export async function fetchUrl(
  source: Extract<Source, { kind: 'url' }>,
  folder: string,
  task: string,
  work: Workspace,
  maxBytes = MAX_BYTES,
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const name =
    decodeURIComponent(new URL(source.url).pathname.split('/').at(-1) ?? '').replace(/[^\w.+~-]/g, '_') || 'archive';
  const partial = join(folder, `${name}.partial`);
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(source.url, partial, task, work, maxBytes);
      break;
    } catch (error) {
      work.signal.throwIfAborted();
      if (error instanceof TooLarge) rmSync(partial, { force: true });
      if (error instanceof LabError || isOfDisk(error)) throw error;
      if (attempt === ATTEMPTS) throw new LabError(`${source.url}: ${messageOf(error)}`, { cause: error });
      work.onProgress({ task, done: sizeOf(partial), of: null, detail: `${messageOf(error)}; trying again` });
    }
  }
  const digest = await sha256File(partial, work.signal);
  if (digest !== source.sha256) {
    rmSync(partial, { force: true });
    throw new LabError(`${source.url} has the SHA-256 ${digest}, but the definition says ${source.sha256}`);
  }
  const path = join(folder, name);
  renameSync(partial, path);
  return path;
}

/** Nothing of it stays, because it cannot be continued. */
class TooLarge extends LabError {}

async function fetchRest(url: string, partial: string, task: string, work: Workspace, maxBytes: number): Promise<void> {
  const tooLarge = () => new TooLarge(`${url}: more than ${maxBytes} bytes, so it is not fetched`);
  const have = sizeOf(partial);
  const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const response = await httpGet(url, { headers, signal: work.signal, silenceMs: SILENCE_MS });
  const status = response.statusCode ?? 0;
  if (status !== 200 && status !== 206) {
    response.destroy();
    // The file is complete, or too long. The checksum will tell.
    if (status === 416) return;
    throw new LabError(`${url}: HTTP status ${status}`);
  }
  const resumed = status === 206;
  const promised = Number(response.headers['content-length'] ?? Number.NaN);
  const start = resumed ? have : 0;
  const of = Number.isFinite(promised) ? start + promised : null;
  if (of !== null && of > maxBytes) {
    response.destroy();
    throw tooLarge();
  }
  let done = start;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      work.onProgress({ task, done, of });
      if (done > maxBytes) next(tooLarge());
      else next(null, chunk);
    },
  });
  // An answer that is shorter than announced is an error of its stream.
  await pipeline(response, counter, createWriteStream(partial, { flags: resumed ? 'a' : 'w' }), {
    signal: work.signal,
  });
}

/** Only errors of files have a path; no other try helps there. */
function isOfDisk(error: unknown): boolean {
  return isDiskFull(error) || (error instanceof Error && 'path' in error);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, signal ? { signal } : {});
  return hash.digest('hex');
}
