// SPDX-License-Identifier: Apache-2.0
// The explicit form: clients, and the client of a step.
import { type ClientAction, type During, MAIN } from '../../model/scenario/client.js';
import type { Call } from '../steps/step-list.js';
import { fill, type Numbers } from '../steps/template.js';
import type { Path } from '../source/document.js';
import type { Problems } from '../source/problems.js';
import type { OperationsInput } from '../schema/steps.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

interface Place {
  path: Path;
  problems: Problems;
}

/**
 * One function for each step on clients.
 * @param named fills in the templates of a name
 */
export function clientTranslations<Site extends Place>(named: (text: string, site: Site, ...keys: string[]) => string) {
  return {
    client: (client: Given<'client'>): ClientAction => ({ op: 'client', client }),
    pass: ({ from, to, session, file, fd }: Given<'pass'>, site: Site): ClientAction | null => {
      const given = [
        ...(session === undefined ? [] : [{ kind: 'session' as const, name: named(session, site, 'session') }]),
        ...(file === undefined ? [] : [{ kind: 'file' as const, name: named(file, site, 'file') }]),
        ...(fd === undefined ? [] : [{ kind: 'descriptor' as const, name: named(fd, site, 'fd') }]),
      ];
      const [what, more] = given;
      if (what !== undefined && more === undefined) return { op: 'pass', from, to, what };
      site.problems.add(site.path, 'expected exactly one of session, file, fd');
      return null;
    },
    kill: (client: Given<'kill'>): ClientAction => ({ op: 'kill', client }),
  };
}

/** The settings of a step's call, except a single errno. */
export function callOf(value: unknown, numbers: Numbers): Call {
  if (typeof value !== 'object' || value === null) return {};
  const { errno, client, during, fail } = value as {
    errno?: unknown;
    client?: string;
    during?: During;
    fail?: number | string;
  };
  return {
    ...(Array.isArray(errno) ? { accepts: errno.map(String) } : {}),
    ...(client === undefined || client === MAIN ? {} : { by: client }),
    ...(during === undefined ? {} : { during }),
    // NaN if there is no such repeat.
    ...(fail === undefined ? {} : { fail: Number(fill(String(fail), numbers)) }),
  };
}
