// SPDX-License-Identifier: Apache-2.0
// Spells out counts and repeats, so that each copy can be removed on its own. A copy keeps its name, token and seed,
// because faults refer to them, and its content depends on them.
import { tokenAfter } from '../../model/scenario/token.js';
import { fill } from '../../scenario/steps/template.js';
import type { Data } from './data.js';

const list = (value: unknown): Data[] => (Array.isArray(value) ? (value as Data[]) : []);
const countOf = (entry: Data) => (typeof entry['count'] === 'number' ? entry['count'] : 1);
const filled = (text: unknown, i: number) => (typeof text === 'string' ? fill(text, new Map([['i', i]])) : text);

export function spellOutSessions(data: Data): Data {
  if (!Array.isArray(data['sessions'])) return data;
  const sessions = list(data['sessions']).flatMap((session) => {
    const files = list(session['files']);
    const guests = list(session['guests']);
    const perSession = files.reduce((sum, file) => sum + countOf(file), 0);
    return Array.from({ length: countOf(session) }, (_, index) => {
      const { count: _count, ...rest } = session;
      const counted = (entry: Data, step: number) =>
        typeof entry['seed'] === 'number' ? { ...entry, seed: (entry['seed'] + index * step) >>> 0 } : entry;
      const perSessionGuests = guests.reduce((sum, guest) => sum + countOf(guest), 0);
      return {
        ...rest,
        name: filled(session['name'], index + 1),
        ...(files.length > 0 ? { files: files.map((file) => counted(file, perSession)) } : {}),
        ...(guests.length > 0 ? { guests: guests.map((guest) => counted(guest, perSessionGuests)) } : {}),
      };
    });
  });
  return { ...data, sessions };
}

export function spellOutFiles(data: Data): Data {
  if (!Array.isArray(data['sessions'])) return data;
  const sessions = list(data['sessions']).map((session) => {
    if (!Array.isArray(session['files'])) return session;
    let position = 0;
    const files = list(session['files']).flatMap((file) =>
      Array.from({ length: countOf(file) }, (_, index) => {
        const { count: _count, name, token, seed, ...rest } = file;
        position++;
        const ownToken =
          typeof token === 'number' || typeof token === 'string' ? (tokenAfter(token, index) ?? token) : position;
        return {
          name: name === undefined ? String(ownToken) : filled(name, index + 1),
          ...rest,
          token: ownToken,
          ...(typeof seed === 'number' ? { seed: (seed + index) >>> 0 } : {}),
        };
      }),
    );
    return { ...session, files };
  });
  return { ...data, sessions };
}

export function spellOutSteps(data: Data): Data {
  return Array.isArray(data['steps']) ? { ...data, steps: unrolled(data['steps'], new Map()) } : data;
}

function unrolled(steps: readonly unknown[], numbers: ReadonlyMap<string, number>): unknown[] {
  return steps.flatMap((step): unknown[] => {
    const repeat =
      typeof step === 'object' && step !== null ? ((step as Data)['repeat'] as Data | undefined) : undefined;
    if (repeat === undefined) return [deep(step, numbers)];
    const name = typeof repeat['as'] === 'string' ? repeat['as'] : 'i';
    return Array.from({ length: Number(repeat['count']) }, (_, index) =>
      unrolled(list(repeat['steps']), new Map([...numbers, [name, index + 1]])),
    ).flat();
  });
}

function deep(value: unknown, numbers: ReadonlyMap<string, number>): unknown {
  if (typeof value === 'string') return fill(value, numbers);
  if (Array.isArray(value)) return value.map((each) => deep(each, numbers));
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, valueOf(key, deep(each, numbers))]))
    : value;
}

/** A number that was a template is a number again; names stay text, and a token may be text. */
function valueOf(key: string, value: unknown): unknown {
  return key === 'fail' && typeof value === 'string' ? Number(value) : value;
}
