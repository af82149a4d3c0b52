// SPDX-License-Identifier: Apache-2.0
// Archives from other people: runs that a worker sends, and bundles.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { openBundle } from '../../../src/repro/bundle/open.js';
import { unpackRun } from '../../../src/store/run/archive.js';
import { resultOf } from '../../report/result.js';
import { mutateBytes } from '../mutate/bytes.js';
import type { Target } from '../target.js';
import { asFile, workFolder } from './samples.js';

export function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(files).flatMap(([path, text]) => {
    const bytes = Buffer.from(text);
    const header = new Header({
      path,
      mode: 0o644,
      size: bytes.length,
      type: 'File',
      mtime: new Date(0),
      uid: 0,
      gid: 0,
    });
    header.encode();
    return [header.block as Buffer, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

const SCENARIO =
  'from: 7.2.12\nto: 7.3.4\nsessions: [{name: vm0, files: [{name: ram, memfd: 4KiB}]}]\nexpect: preserved\n';
const CELL = { matrix: 'm1', cell: 'c-1', attempt: 1 };
const KERNELS = ['7.2.12', '7.3.4'];
const RESULT = JSON.stringify({ ...resultOf('panic'), id: 'run-1' });
const RUN = {
  'result.json': RESULT,
  'cell.json': JSON.stringify({ ...CELL, worker: 'h:1' }),
  'scenario.yaml': SCENARIO,
  'console.log': 'hello\n',
};

/** Mostly compressed after the mutation, so that it reaches tar. */
const packed = (input: Buffer): Buffer => ((input.at(-1) ?? 0) % 8 === 1 ? input : gzipSync(input, { level: 1 }));

async function run(input: Buffer): Promise<void> {
  const results = join(workFolder(), 'results');
  const bytes = packed(input);
  try {
    const asked = { cell: CELL, text: SCENARIO, kernels: KERNELS, worker: 'h:1', sender: 'unsigned' } as const;
    await unpackRun(results, 'run-1', asked, Readable.from([bytes.subarray(0, 700), bytes.subarray(700)]));
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

function bundleOf(files: Record<string, string>): Buffer {
  const listed = Object.entries(files).map(([path, text]) => ({
    path,
    size: Buffer.byteLength(text),
    sha256: createHash('sha256').update(text).digest('hex'),
  }));
  const manifest = { schema: 1, run: 'run-1', lab: '0.1.0', files: listed };
  return tarOf({ 'bundle.json': JSON.stringify(manifest), ...files });
}

async function bundle(input: Buffer): Promise<void> {
  const opened = await openBundle(asFile('x.bundle', packed(input)), { trust: false, maxBytes: 1 << 20 });
  opened.close();
}

export const ARCHIVES: readonly Target[] = [
  { name: 'run-archive', seeds: () => [tarOf(RUN)], mutate: mutateBytes, maxBytes: 65536, parse: run, weight: 0.2 },
  {
    name: 'bundle',
    seeds: () => [bundleOf({ 'run/result.json': RESULT, 'run/scenario.yaml': SCENARIO })],
    mutate: mutateBytes,
    maxBytes: 65536,
    parse: bundle,
    weight: 0.2,
  },
];
