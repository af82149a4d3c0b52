// SPDX-License-Identifier: Apache-2.0
// What was handed over, no matter who preserved it, and where its pages are now.
import { type FollowedFile, type HandedOverOfResult, sealsText } from '../../../model/evidence/handed-over.js';
import { seconds } from '../style.js';
import { printable } from '../../../util/text/escape.js';

const MAX_FILES = 8;

export function handedOverText(updates: readonly HandedOverOfResult[]): string[] {
  return updates.flatMap(({ epoch, blind, sessions, pages, files, filesLeftOut, ms, problems }) => {
    if (blind !== null) return ['', `  followed  epoch ${epoch}: nothing, because ${printable(blind, 300)}`];
    const own = files.filter(({ kind }) => kind !== 'others').length + filesLeftOut;
    const more = own - Math.min(MAX_FILES, own);
    return [
      '',
      `  followed  epoch ${epoch}: ${pages} pages handed over, ${count(own, 'file')} in ${count(sessions, 'session')}` +
        ` (${seconds(ms)})`,
      ...files.slice(0, MAX_FILES).map(fileText),
      ...(more > 0 ? [`    and ${more} more`] : []),
      ...problems.slice(0, MAX_FILES).map((problem) => `    not read: ${printable(problem, 300)}`),
    ];
  });
}

function fileText(file: FollowedFile): string {
  const { state, session, name, handler, pages, problems, pattern } = file;
  const fates = [
    `${file.arrived} arrived as they were`,
    ...(file.cached > 0 ? [`${file.cached} in one file`] : []),
    ...(file.marked > 0 ? [`${file.marked} never retrieved`] : []),
    ...(file.released > 0 ? [`${file.released} given back`] : []),
  ].join(', ');
  const label = session === null ? printable(name, 60) : `${printable(session, 60)}/${printable(name, 20)}`;
  const unknown = pattern === null && file.kind === 'file' ? `, no pattern known${metadataText(file)}` : '';
  const problem = problems[0] === undefined ? '' : `: ${printable(problems[0], 200)}`;
  const columns = [state.padEnd(9), label.padEnd(14), printable(handler, 48)].filter((word) => word !== '').join(' ');
  return `    ${columns}  ${count(pages, 'page')}: ${fates}${unknown}${problem}`;
}

/** A program that reads a file moves its position, so another one is no fault. */
function metadataText({ before, after }: FollowedFile): string {
  if (before === null || after === null) return '';
  const moved = before.position !== null && after.position !== null && before.position !== after.position;
  return `, ${after.size} bytes, 0${(after.mode & 0o7777).toString(8)}, seals ${sealsText(after.seals)}${
    moved ? `, position ${after.position} (was ${before.position})` : ''
  }`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
