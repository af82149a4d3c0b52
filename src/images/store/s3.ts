// SPDX-License-Identifier: Apache-2.0
// A store in S3, through a client that the host has. The client brings its own settings: keys, region, endpoint.
import { closeSync, openSync, writeSync } from 'node:fs';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { type CommandResult, lastLines, runCommand } from '../../util/process/command.js';
import { findProgram, programPath } from '../requirements.js';
import type { Backend } from './backend.js';

interface Client {
  program: string;
  /** Arguments that print the object `at` (BUCKET/PATH), and those that store a file there. */
  get: (at: string) => string[];
  put: (from: string, at: string) => string[];
}

/** Clients that can be used; the first that is installed is. */
const CLIENTS: readonly Client[] = [
  {
    program: 'aws',
    get: (at) => ['s3', 'cp', '--only-show-errors', `s3://${at}`, '-'],
    put: (from, at) => ['s3', 'cp', '--only-show-errors', from, `s3://${at}`],
  },
  {
    program: 's3cmd',
    get: (at) => ['get', '--no-progress', '--quiet', `s3://${at}`, '-'],
    put: (from, at) => ['put', '--no-progress', '--quiet', from, `s3://${at}`],
  },
  {
    program: 'rclone',
    get: (at) => ['cat', '--s3-env-auth', `:s3:${at}`],
    put: (from, at) => ['copyto', '--s3-env-auth', from, `:s3:${at}`],
  },
];
/** What the clients say when an object is not there. */
const MISSING = /\b404\b|NoSuchKey|Not ?Found|does not exist|(object|directory) not found/i;

export function s3Backend(address: string): Backend {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/i.exec(address) ?? [];
  if (bucket === '') throw new UsageError(`${address}: expected s3://BUCKET/PREFIX`);
  const at = (path: string) => [bucket, ...prefix.split('/'), path].filter((part) => part !== '').join('/');
  return {
    label: `s3://${at('')}`,
    async fetch(path, to, { bytes, onBytes, signal }) {
      const client = installed();
      const tooMuch = new AbortController();
      const fd = openSync(to, 'w');
      let count = 0;
      const onStdout = (chunk: Buffer) => {
        count += chunk.length;
        onBytes(chunk.length);
        if (count > bytes) tooMuch.abort(new LabError(`it sends more than the ${bytes} bytes that it may`));
        else writeSync(fd, chunk);
      };
      try {
        const result = await run(client, client.get(at(path)), AbortSignal.any([signal, tooMuch.signal]), onStdout);
        if (result.code !== 0 && MISSING.test(result.stderr)) return 'missing';
        throwIfFailed(client, result);
        return 'found';
      } finally {
        closeSync(fd);
      }
    },
    async send(from, path, signal) {
      const client = installed();
      throwIfFailed(client, await run(client, client.put(from, at(path)), signal));
    },
    // To ask would take as long as to send.
    size: () => Promise.resolve(null),
  };
}

function installed(): Client {
  const client = CLIENTS.find(({ program }) => findProgram(program) !== null);
  if (client !== undefined) return client;
  const names = CLIENTS.map(({ program }) => program).join(', ');
  throw new LabError('this host has no client for S3', { hint: `install and set up one of ${names}` });
}

async function run(
  client: Client,
  words: string[],
  signal: AbortSignal,
  onStdout?: (chunk: Buffer) => void,
): Promise<CommandResult> {
  const argv = [findProgram(client.program) ?? client.program, ...words];
  const env = { ...process.env, PATH: programPath() };
  const options = { signal, env, maxOutput: 64 << 10 };
  try {
    return await runCommand(argv, onStdout === undefined ? options : { ...options, onStdout });
  } catch (error) {
    signal.throwIfAborted();
    throw new LabError(messageOf(error), { cause: error });
  }
}

function throwIfFailed({ program }: Client, { code, stderr }: CommandResult): void {
  if (code !== 0) throw new LabError(`${program} ended with ${code}: ${lastLines(stderr, 3).replaceAll('\n', ' ')}`);
}
