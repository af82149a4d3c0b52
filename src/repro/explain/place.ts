// SPDX-License-Identifier: Apache-2.0
// Finds the place in the handover that a refusal is about, if the message alone does not name it.
import type { FileDump, HandoverDump, SessionDump } from '../../model/result/handover-dump.js';
import type { Place } from '../../model/scenario/place.js';
import type { About } from './checks.js';

export interface FoundPlace {
  /** As written in a scenario. */
  text: string;
  place: Place;
}

/**
 * Null if nothing in the handover fits.
 * @param words the message of the kernel
 */
export function placeAbout(about: About, words: string, dump: HandoverDump): FoundPlace | null {
  switch (about.how) {
    case 'place':
      return { text: about.text, place: about.place };
    case 'handler': {
      const version = /'([^']+)'/.exec(words)?.[1];
      return firstFile(dump, ({ compatible }) => compatible === version, 'compatible');
    }
    case 'session': {
      const session = dump.sessions.find(({ problem }) => problem !== null) ?? dump.sessions[0];
      return session === undefined
        ? null
        : { text: `session[${session.name}].count`, place: { of: 'session', session: session.name, field: 'count' } };
    }
    case 'blocks': {
      const session = dump.sessions.find(({ problem }) => problem !== null);
      if (session === undefined || dump.problems.some((problem) => problem.startsWith('the sessions')))
        return { text: 'sessions.count', place: { of: 'sessions', field: 'count' } };
      return { text: `files[${session.name}].count`, place: { of: 'files', session: session.name, field: 'count' } };
    }
    case 'folio':
      return folioAt(dump, /physical address: (?:0x)?([0-9a-f]+)/.exec(words)?.[1] ?? null);
    case 'memfd': {
      const found = firstFile(dump, ({ memfd }) => memfd !== null, 'data');
      return found === null || found.place.of !== 'file'
        ? null
        : {
            text: `memfd[${found.place.file.session}/${found.place.file.token}].${about.field}`,
            place: { of: 'memfd', file: found.place.file, field: about.field },
          };
    }
  }
}

function reference({ name }: SessionDump, { token }: FileDump) {
  return { session: name, file: token, token: Number(token) };
}

function firstFile(
  dump: HandoverDump,
  fits: (file: FileDump) => boolean,
  field: 'compatible' | 'data',
): FoundPlace | null {
  for (const session of dump.sessions) {
    const file = session.files.find(fits);
    if (file !== undefined)
      return {
        text: `file[${session.name}/${file.token}].${field}`,
        place: { of: 'file', file: reference(session, file), field },
      };
  }
  return null;
}

/** The folio at an address; without an address, the first folio that is not in the preserved map. */
function folioAt(dump: HandoverDump, address: string | null): FoundPlace | null {
  const pfn = address === null ? null : BigInt(`0x${address}`) >> 12n;
  for (const session of dump.sessions) {
    for (const file of session.files) {
      let folio = 0;
      for (const run of file.memfd?.folios ?? []) {
        const first = BigInt(run.pfn);
        const into = pfn === null ? (run.preserved === false ? 0 : -1) : Number((pfn - first) * BigInt(run.step));
        if (into >= 0 && into < run.pages) {
          const number = folio + Math.floor((into * run.folios) / run.pages);
          return {
            text: `memfd[${session.name}/${file.token}].folio[${number}].pfn`,
            place: { of: 'folio', file: reference(session, file), folio: number, field: 'pfn' },
          };
        }
        folio += run.folios;
      }
    }
  }
  return null;
}
