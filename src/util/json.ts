// SPDX-License-Identifier: Apache-2.0
// JSON from outside the program: a file, a socket or another machine can contain anything, so nothing is used before a
// schema has checked it.
import type { z } from 'zod';

/** Returns what the text contains; null if it is not JSON or does not fit the schema. */
export function parseJson<S extends z.ZodType>(text: string, schema: S): z.output<S> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { success, data } = schema.safeParse(value);
  return success ? data : null;
}
