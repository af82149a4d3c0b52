// SPDX-License-Identifier: Apache-2.0
// Coverage as pages that open from disk and fetch nothing: one with all files, and one for each source file. Sources
// and names come from foreign trees and runs, so everything is escaped.
import { printable } from '../../util/text/escape.js';
import type { LoadedKernel } from '../code/load-kernel.js';
import { branchesOf, type BranchTally, linesOf, type Share, tally } from '../code/tally.js';
import type { MergedKernel } from './merge.js';

export interface Page {
  name: string;
  text: string;
}

export interface ReportedKernel extends LoadedKernel {
  merged: MergedKernel;
}

const MAX_COLUMNS = 400;
const TAB = 8;

const STYLE = `
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5em auto; max-width: 72em; padding: 0 1em; }
table { border-collapse: collapse; }
th, td { padding: .1em .8em .1em 0; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.file td { border-top: 1px solid #8884; font-weight: 600; padding-top: .5em; }
pre { font: 13px/1.35 ui-monospace, monospace; tab-size: 8; overflow-x: auto; }
pre span { display: block; min-height: 1.35em; }
.hit { background: #2a82; } .miss { background: #d332; } .half { background: #db82; }
i { font-style: normal; opacity: .6; display: inline-block; }
i.l { width: 4em; text-align: right; margin-right: 1em; } i.c { width: 7em; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd; } a { color: #8bf; } }
`;

/** Text for HTML, with control characters visible. */
export function escaped(text: string, limit = 4096): string {
  const named: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return printable(text, limit).replaceAll(/[&<>"']/g, (char) => named[char] ?? '');
}

export function htmlPages(kernels: readonly ReportedKernel[]): Page[] {
  const files = kernels.flatMap((kernel, number) => filePages(kernel, number));
  return [{ name: 'index.html', text: page('Coverage', kernels.map(section).join('')) }, ...files];
}

const page = (title: string, body: string): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>` +
  `<meta name="viewport" content="width=device-width, initial-scale=1">` +
  `<style>${STYLE}</style></head><body><h1>${escaped(title)}</h1>\n${body}</body></html>\n`;

const percent = ({ hit, total }: Share): string => (total === 0 ? '–' : `${Math.floor((100 * hit) / total)} %`);
const cell = (share: Share): string =>
  `<td class="n">${share.total === 0 ? '–' : `${share.hit}/${share.total}`}</td><td class="n">${percent(share)}</td>`;

const pageName = (kernel: number, path: string): string => `${kernel}-${path.replaceAll(/[^A-Za-z0-9]+/g, '-')}.html`;

function section({ merged, code, noLines, textOf }: ReportedKernel, number: number): string {
  const known = new Set((code.files ?? []).map(({ path }) => path));
  const rows = tally(code, merged.ran).flatMap((file) => {
    const isShown = known.has(file.path) && textOf(file.path) !== null;
    const link = (text: string, line: number | null) =>
      isShown && (line !== null || text === file.path)
        ? `<a href="${pageName(number, file.path)}${line === null ? '' : `#L${line}`}">${escaped(text)}</a>`
        : escaped(text);
    const cells = (each: { lines: Share; branches: Share; blocks: Share }) =>
      cell(each.lines) + cell(each.branches) + cell(each.blocks);
    return [
      `<tr class="file"><td>${link(file.path, null)}</td>${cells(file)}</tr>`,
      ...file.functions.map((each) => `<tr><td>&emsp;${link(each.name, each.line)}</td>${cells(each)}</tr>`),
    ];
  });
  const blind = [...merged.blind].map(([why, times]) => `<li>${times} times not seen: ${escaped(why)}</li>`);
  return [
    `<h2>${escaped(merged.name)}</h2>`,
    `<p>${merged.runs.length} runs: ${merged.asFirst} as the first kernel, ${merged.asNext} as a later one.</p>`,
    blind.length === 0 ? '' : `<ul>${blind.join('')}</ul>`,
    noLines === null ? '' : `<p>No source lines: ${escaped(noLines)}</p>`,
    '<table><tr><th></th><th colspan="2">lines</th><th colspan="2">branches</th><th colspan="2">blocks</th></tr>',
    ...rows,
    '</table>\n',
  ].join('\n');
}

function filePages({ merged, code, textOf }: ReportedKernel, number: number): Page[] {
  const branches = branchesOf(code, merged.ran);
  return (code.files ?? []).flatMap((file) => {
    const source = textOf(file.path);
    if (source === null) return [];
    const hits = linesOf(file, merged.ran);
    const ways = waysOf(branches.get(file.path) ?? []);
    const shown = source.map((text, i) => {
      const own = ways.get(i + 1) ?? null;
      const hit = hits.get(i + 1);
      const isHalf = own !== null && own.hit < own.total;
      const kind = hit === undefined ? '' : !hit ? 'miss' : isHalf ? 'half' : 'hit';
      return lineOf(i + 1, text, kind, own);
    });
    const title = `${file.path} of ${merged.name}`;
    const legend =
      '<p><a href="index.html">all files</a>. Green ran, red did not, yellow ran and has a branch that went one way ' +
      'only. After the line: ways that branches went, of all.</p>';
    return [{ name: pageName(number, file.path), text: page(title, `${legend}\n<pre>${shown.join('')}</pre>`) }];
  });
}

function waysOf(branches: readonly BranchTally[]): Map<number, Share> {
  const ways = new Map<number, Share>();
  for (const { line, taken, passed } of branches) {
    const share = ways.get(line) ?? { hit: 0, total: 0 };
    ways.set(line, { hit: share.hit + Number(taken) + Number(passed), total: share.total + 2 });
  }
  return ways;
}

function lineOf(number: number, text: string, kind: '' | 'hit' | 'half' | 'miss', ways: Share | null): string {
  const count = ways === null ? '' : `${ways.hit}/${ways.total}`;
  const head = `<i class="l">${number}</i><i class="c">${count}</i>`;
  return `<span id="L${number}" class="${kind}">${head}${escaped(spaced(text), MAX_COLUMNS)}</span>`;
}

/** Tabs as spaces: a tab is a control character otherwise. */
function spaced(text: string): string {
  let line = '';
  for (const [i, part] of text.split('\t').entries())
    line = (i === 0 ? '' : line.padEnd((Math.floor(line.length / TAB) + 1) * TAB)) + part;
  return line;
}
