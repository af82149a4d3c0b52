// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  availableKernels,
  compareVersions,
  definedFrom,
  definitionText,
  type Offer,
  upstreamVersion,
} from '../../../src/images/available/versions.js';
import { availableText } from '../../../src/cli/images/available.js';
import { readDefinition } from '../../../src/images/definition/definition.js';
import { sourcePackages, tarballPackages } from '../../../src/images/source/apt.js';
import { folderWith } from '../folder.js';

describe('versions of kernels', () => {
  it.each([
    ['7.3.4-1~bpo13+1', '7.3.4'],
    ['7.3~rc7-1~exp1', '7.3-rc7'],
    ['1:6.19.11-1', '6.19.11'],
    ['v7.3', '7.3'],
    ['v7.4-rc1', '7.4-rc1'],
    ['7.3~rc7', '7.3-rc7'],
    ['7.2.12-cloud', '7.2.12'],
    ['next-20261120', null],
    ['7', null],
    ['7.3x', null],
  ])('%s is %s', (text, version) => expect(upstreamVersion(text)).toBe(version));

  it('are ordered; a release comes after its candidates', () => {
    const ordered = ['6.19.11', '7.2.9', '7.2.13', '7.3-rc7', '7.3-rc10', '7.3', '7.3.4', '7.10-rc1'];
    expect([...ordered].reverse().sort(compareVersions)).toEqual(ordered);
    expect([...ordered].sort(compareVersions)).toEqual(ordered);
  });
});

const MADISON = `linux-source-7.2 | 7.2.13-1 | http://debian.example/debian sid/main amd64 Packages
     linux |   7.2.7-1 | http://debian.example/debian sid/main Sources
`;
const offers = (...sources: Offer['source'][]): Offer[] =>
  sources.map((source) => ({
    version: upstreamVersion('version' in source ? source.version : '') ?? '',
    where: 'sid',
    source,
  }));

it('the definitions of a suite are those of plain versions, oldest first', () => {
  const from = (version: string) =>
    `sources:\n  - {kind: apt-source, suite: sid, package: linux, version: ${version}}\n`;
  const folder = folderWith({
    '7.3.4.yaml': from('7.3.4-1'),
    '7.3~rc7.yaml': from('7.3~rc7-1'),
    '7.2.12-cloud.yaml': from('7.2.12-1'),
    '7.2.12.yaml': from('7.2.12-1').replace('sid', 'trixie'),
  });
  const all = ['7.3.4', '7.3~rc7', '7.2.12-cloud', '7.2.12'].map((name) =>
    readDefinition(join(folder, `${name}.yaml`)),
  );
  expect(definedFrom('sid', all)).toEqual(['7.3~rc7', '7.3.4']);
  expect(definedFrom('trixie', all)).toEqual(['7.2.12']);
  expect(definedFrom('buster', all)).toEqual([]);
});

describe('kernels without a definition', () => {
  const dir = () =>
    folderWith({ '7.2.yaml': 'sources:\n  - {kind: apt-source, suite: sid, package: linux, version: 7.2.12-1}\n' });

  it('come from what apt lists', () => {
    expect(tarballPackages(MADISON, 'sid')).toEqual([
      {
        kind: 'apt-binary',
        suite: 'sid',
        package: 'linux-source-7.2',
        version: '7.2.13-1',
        member: 'usr/src/linux-source-7.2.tar.xz',
      },
    ]);
    const listed = sourcePackages('Package: linux\nVersion: 7.2.12-1\n\nVersion: 7.2.12-1\nVersion: 7.2.13-1\n', 'sid');
    expect(listed.map((source) => source.version)).toEqual(['7.2.12-1', '7.2.13-1']);
  });

  it('are told from those that a definition has under another name', () => {
    const definitions = [readDefinition(join(dir(), '7.2.yaml'))];
    const all = offers(
      ...tarballPackages(MADISON, 'sid'),
      ...sourcePackages('Version: 7.2.12-1~bpo13+1\nVersion: 7.2.13-1\n', 'sid'),
    );
    const found = availableKernels(all, definitions);
    expect(found.map(({ version, definition }) => [version, definition])).toEqual([
      ['7.2.12', '7.2'],
      ['7.2.13', null],
    ]);
    expect(found.map(({ base }) => base)).toEqual(['7.2', '7.2']);
    const text = availableText({ kernels: found, problems: ['buster: no such suite'] });
    expect(text).toMatch(/7\.2\.12 +7\.2 +sid\n7\.2\.13 +- +sid\n/);
    expect(text).toContain('not asked: buster: no such suite');
    // The definition that it prints can be used, and names each place.
    const folder = folderWith({
      '7.2.13.yaml': definitionText({ ...(found[1] as (typeof found)[number]), base: '7.3.4' }),
    });
    const read = readDefinition(join(folder, '7.2.13.yaml'));
    expect(read.sources.map(({ kind }) => kind)).toEqual(['apt-binary', 'apt-source']);
    expect(read.onDemand).toBe(true);
  });
});
