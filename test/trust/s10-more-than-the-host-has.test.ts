// SPDX-License-Identifier: Apache-2.0
// S10: any scenario could ask for 64 GiB and 64 processors, and only a matrix looked whether the host has them. A
// download was written to the disk to its end before its checksum was looked at.
import { createServer } from 'node:http';
import { readdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { hostMemory, requireMemory } from '../../src/host/capacity.js';
import { openWorkspace } from '../../src/images/index.js';
import { fetchUrl } from '../../src/images/source/download.js';
import { parseScenario } from '../../src/scenario/index.js';
import { dataRule, type LabFacts } from '../../src/trust/index.js';
import { LabError, UsageError } from '../../src/util/errors.js';
import { temporaryFolder } from '../util/temporary.js';
import { caught, PLAIN } from './refusal.js';

const FACTS: LabFacts = {
  folder: null,
  kernelProblem: () => null,
  fileProblem: () => null,
  planPathProblem: () => null,
  memory: 4 * 2 ** 30,
  cpus: 8,
};
const read = (machine: string) =>
  caught(() => parseScenario(`${PLAIN}machine: ${machine}\n`, 'x.yaml', { rule: dataRule(FACTS) }));

describe('a machine of data', () => {
  it('has at most what the host has', () => {
    expect(read('{memory: 4GiB, cpus: 8}')).toEqual([]);
    expect(read('{memory: 64GiB}')).toEqual([
      '4:19 this is not trusted and would use 64 GiB of memory: this host has 4 GiB for one machine',
    ]);
    expect(read('{cpus: 64}')[0]).toContain('4:17 this is not trusted and would use 64 processors');
    expect(read('{qemuArgs: [-smp, "64"]}')[0]).toContain('64 processors; one machine gets at most 8 here');
  });

  it('is measured against the host or its container', () => {
    expect(hostMemory()).toBeGreaterThan(2 ** 28);
    expect(hostMemory()).toBeLessThanOrEqual(totalmem());
  });
});

it('a machine that the host cannot give its memory now is a failure of the host, in clear words', () => {
  expect(() => requireMemory(2 ** 30, 2 ** 30)).not.toThrow();
  const start = () => requireMemory(2 ** 33, 2 ** 31);
  expect(start).toThrow('the machine needs 8 GiB of memory, but this host can give 2 GiB now');
  expect(start).toThrow(LabError);
  expect(start).not.toThrow(UsageError);
});

describe('a download', () => {
  async function serve(announced: number | null): Promise<string> {
    const server = createServer((_, response) => {
      if (announced !== null) response.setHeader('content-length', announced);
      const send = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', send);
      send();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void (server.closeAllConnections(), server.close()));
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/linux.tar`;
  }

  it.each([
    ['announces too much', 2 ** 40],
    ['never ends', null],
  ])('that %s is ended, and nothing of it stays', async (_, announced) => {
    const folder = temporaryFolder();
    const work = openWorkspace({
      cacheDir: temporaryFolder(),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    const source = { kind: 'url', url: await serve(announced), sha256: '0'.repeat(64) } as const;
    await expect(fetchUrl(source, join(folder, 'd'), 'fetch', work, 1 << 20)).rejects.toThrow(
      'more than 1048576 bytes',
    );
    expect(readdirSync(join(folder, 'd'))).toEqual([]);
  });
});
