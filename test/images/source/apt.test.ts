// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  chooseMirror,
  parseIndexTargets,
  parsePrintUris,
  privateOptions,
  sourcesFile,
} from '../../../src/images/source/apt.js';

const target = (uri: string, release: string, codename = release, label = 'Debian') =>
  `${uri}\t${release}\t${codename}\t${label}`;

describe('the mirror of this host', () => {
  const choose = (lines: string[], codename: string | null = 'bookworm') =>
    chooseMirror(parseIndexTargets(lines.join('\n')), codename);

  it('is the one that serves its own release, not its security archive', () => {
    expect(
      choose([
        target('http://mirror.example/debian-security/', 'bookworm-security', 'bookworm-security', 'Debian-Security'),
        target('http://vendor.example/apt/', 'bookworm', 'bookworm', 'Vendor'),
        target('http://mirror.example/updates/', 'bookworm-updates'),
        target('http://mirror.example/debian/', 'bookworm'),
      ]),
    ).toBe('http://mirror.example/debian/');
  });

  it('is also known from a suite name, and before any list was fetched', () => {
    expect(choose([target('http://m/debian/', 'stable', 'bookworm')])).toBe('http://m/debian/');
    expect(choose([target('http://m/debian/', 'bookworm', '', '')])).toBe('http://m/debian/');
    expect(choose([target('http://m/debian', 'testing', '', '')], null)).toBe('http://m/debian');
  });

  it('is unknown if the host has another distribution', () => {
    expect(choose([target('http://m/ubuntu/', 'noble', 'noble', 'Ubuntu')], 'noble')).toBeNull();
    expect(choose([])).toBeNull();
  });
});

describe('private apt', () => {
  it("has private sources, signed by the host's keyring", () => {
    expect(sourcesFile('http://m/debian/', 'trixie-backports')).toBe(
      'Types: deb deb-src\nURIs: http://m/debian/\nSuites: trixie-backports\nComponents: main\n' +
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
    );
  });

  it("stays out of the host's folders", () => {
    const options = privateOptions('/cache/apt/s', 'user');
    for (const option of [
      'Dir::Etc::SourceList=/cache/apt/s/lab.sources',
      'Dir::Etc::SourceParts=/dev/null',
      'Dir::State::Lists=/cache/apt/s/lists',
      'Dir::Cache=/cache/apt/s/cache',
    ]) {
      expect(options[options.indexOf(option) - 1], option).toBe('-o');
    }
    expect(options.join(' ')).not.toContain('Sandbox');
    expect(privateOptions('/x', 'root')).toContain('APT::Sandbox::User=root');
  });

  it('finds the file in the output of --print-uris', () => {
    const output = [
      'Reading package lists...',
      'Need to get 159 MB of source archives.',
      "'http://m/pool/linux_7.1.13-1.dsc' linux_7.1.13-1.dsc 1000 SHA256:00",
      "'http://m/pool/linux_7.1.13.orig.tar.xz' linux_7.1.13.orig.tar.xz 161695252 SHA256:11",
    ].join('\n');
    expect(parsePrintUris(output, 'apt-source')).toEqual({ name: 'linux_7.1.13.orig.tar.xz', size: 161695252 });
    expect(parsePrintUris("'http://m/x_1%7e_all.deb' x_1~_all.deb 12 SHA256:00", 'apt-binary')).toEqual({
      name: 'x_1~_all.deb',
      size: 12,
    });
    expect(parsePrintUris('E: nothing', 'apt-binary')).toBeNull();
  });
});
