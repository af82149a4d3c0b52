// SPDX-License-Identifier: Apache-2.0
// The subjects of steps: a session, a file, a device or a guest. A subject can only be removed with all steps that name
// it, or the rest would not be a valid scenario.
import { type Data, textsIn } from './data.js';

/** Operations that create a subject, and the key of its name if the operation is a mapping. */
const MAKERS: Readonly<Record<string, string>> = {
  create: 'session',
  memfd: 'name',
  object: 'name',
  'guest-create': 'guest',
  'device-open': 'device',
};

export function subjectsOf(steps: readonly unknown[]): string[] {
  const names = steps.flatMap((step) =>
    Object.entries(typeof step === 'object' && step !== null ? step : {}).flatMap(([op, value]) => {
      const key = MAKERS[op];
      if (key === undefined) return [];
      const name = typeof value === 'string' ? value : (value as Data | null)?.[key];
      return typeof name === 'string' ? [name] : [];
    }),
  );
  return [...new Set(names)];
}

/** The steps that name none of these subjects. */
export function withoutSubjects(steps: readonly unknown[], gone: ReadonlySet<string>): unknown[] {
  return steps.filter((step) => !textsIn(step).some((text) => mentions(text, gone)));
}

/** Finds a name alone, a guest's file (GUEST.ram), or a name in a place (memfd[SESSION/FILE].size). */
function mentions(text: string, names: ReadonlySet<string>): boolean {
  if (names.has(text)) return true;
  const inner = [...text.matchAll(/\[([^\]]*)\]/g)].flatMap(([, name = '']) => [
    name,
    name.slice(0, Math.max(0, name.indexOf('/'))),
  ]);
  return [text.replace(/\.(ram|state)$/, ''), ...inner].some((name) => names.has(name));
}
