// SPDX-License-Identifier: Apache-2.0
// What is kept of each finding, as links: to where it lies, or to copies beside the report.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import type { HuntReport } from '../../../model/hunt/hunt.js';
import { writeWhole } from '../../../store/write-whole.js';
import { readRegularFileSync } from '../../../util/files/regular-file.js';
import { packageRoot } from '../../../util/package-root.js';
import type { Link, Links } from './findings.js';
import { huntPage } from './page.js';

const KEPT = [
  ['scenario.yaml', 'scenario'],
  ['explanation.txt', 'explanation'],
  ['report.txt', 'draft report'],
] as const;
const RUN = [
  ['result.json', 'run'],
  ['console.log', 'console'],
] as const;
const MAX_FILE = 256 << 10;
const MAX_FINDINGS = 100;

/** Writes `report.html` into the folder of the hunt. It needs no other file, but links to what lies beside it. */
export function writeHuntPage(report: HuntReport): void {
  const style = readFileSync(join(packageRoot(), 'src/report/html/assets/report.css'), 'utf8');
  const { out } = report;
  const links: [string, Link[]][] = report.findings.map(({ name, run }) => {
    const at = (path: readonly string[]) => join(out, name, ...path);
    const kept = [
      ...KEPT.map(([file, text]) => ({ path: at([file]), text })),
      ...(run === null ? [] : RUN.map(([file, text]) => ({ path: at([run, file]), text }))),
    ];
    return [
      name,
      kept
        .filter(({ path }) => existsSync(path))
        .map(({ path, text }) => ({ text, href: linkTo(relative(report.folder, path)) })),
    ];
  });
  writeWhole(join(report.folder, 'report.html'), huntPage({ report, links: new Map(links), style }));
}

function linkTo(path: string): string {
  return path.split(sep).map(encodeURIComponent).join('/');
}

/** Copies what is small into the folder of a report, so that it can be moved elsewhere. */
export function copyFindings(report: HuntReport, dir: string): Links {
  const links = new Map<string, Link[]>();
  for (const { name } of report.findings.slice(0, MAX_FINDINGS)) {
    if (name !== basename(name) || name.startsWith('.')) continue;
    const own: Link[] = [];
    for (const [file, text] of KEPT) {
      const content = contentOf(join(report.out, name, file), report.out);
      if (content === null) continue;
      mkdirSync(join(dir, 'hunt', name), { recursive: true });
      writeFileSync(join(dir, 'hunt', name, file), content);
      own.push({ text, href: linkTo(join('hunt', name, file)) });
    }
    links.set(name, own);
  }
  return links;
}

/** Null if it is missing or large. The results of somebody else may also hold a pipe, or a link to elsewhere. */
function contentOf(path: string, within: string): Buffer | null {
  try {
    return readRegularFileSync(path, { maxBytes: MAX_FILE, within });
  } catch {
    return null;
  }
}
