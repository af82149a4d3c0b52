// SPDX-License-Identifier: Apache-2.0
// The explicit form: steps on files and sessions that exist already.
import type { FileAction } from '../../model/scenario/file-steps.js';
import { ALL_PAGES } from '../schema/limits.js';
import type { OperationsInput } from '../schema/steps.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

/**
 * One function for each operation on an existing file.
 * @param named fills in the templates of a name
 */
export function fileTranslations<Site>(named: (text: string, site: Site, ...keys: string[]) => string) {
  return {
    write: ({ file, seed, pages }: Given<'write'>, site: Site): FileAction => ({
      op: 'write',
      file: named(file, site, 'file'),
      seed,
      first: pages?.first ?? 0,
      count: pages?.count ?? ALL_PAGES,
    }),
    truncate: ({ file, size }: Given<'truncate'>, site: Site): FileAction => ({
      op: 'truncate',
      file: named(file, site, 'file'),
      size,
    }),
    fallocate: ({ file, pages, how }: Given<'fallocate'>, site: Site): FileAction => ({
      op: 'fallocate',
      file: named(file, site, 'file'),
      ...pages,
      how,
    }),
    seal: ({ file, seals }: Given<'seal'>, site: Site): FileAction => ({
      op: 'seal',
      file: named(file, site, 'file'),
      seals,
    }),
    reopen: ({ file, as, access }: Given<'reopen'>, site: Site): FileAction => ({
      op: 'reopen',
      file: named(file, site, 'file'),
      as: named(as, site, 'as'),
      access,
    }),
    seek: ({ file, position }: Given<'seek'>, site: Site): FileAction => ({
      op: 'seek',
      file: named(file, site, 'file'),
      position,
    }),
    'get-name': (value: Given<'get-name'>, site: Site): FileAction => {
      if (typeof value === 'string') return { op: 'get-name', session: named(value, site), name: named(value, site) };
      const session = named(value.session, site, 'session');
      return { op: 'get-name', session, name: value.name === undefined ? session : named(value.name, site, 'name') };
    },
  };
}
