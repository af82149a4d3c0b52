// SPDX-License-Identifier: Apache-2.0
// The basic values of a scenario: sizes, tokens, pages, names. Each one has a message for wrong input.
import { z } from 'zod';
import type { PageRange } from '../../model/scenario/scenario.js';
import { type Token, TOKEN_WORDS, tokenOf } from '../../model/scenario/token.js';
import { ERRNO_WORDS } from './errno.js';
import { LIMITS } from './limits.js';
import { shown } from '../source/problem.js';

interface Context {
  addIssue(issue: { code: 'custom'; message: string; params: { hint: string | null } }): void;
}

function refuse(context: Context, message: string, hint: string | null = null): typeof z.NEVER {
  context.addIssue({ code: 'custom', message, params: { hint } });
  return z.NEVER;
}

/** A mapping with known keys. The message for an unknown key can name the nearest one. */
export function mapping<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  const keys = Object.keys(shape).join(',');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? keys : undefined) });
}

const UNITS: Record<string, number> = { '': 1, B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const SIZE = /^(\d{1,16}(?:\.\d{1,6})?) ?([A-Za-z]*)$/;
const SIZE_WORDS = 'a size such as 64MiB, 1GiB or a number of bytes';

function parseSize(value: number | string, context: Context): number {
  let bytes = value;
  if (typeof bytes === 'string') {
    const match = SIZE.exec(bytes);
    const unit = match?.[2] ?? '';
    const factor = UNITS[unit.replace(/^([KMGT])iB$/, '$1')];
    if (!match || factor === undefined) {
      const near = /^([kmgt])(i?)b?$/i.exec(unit)?.[1];
      return refuse(
        context,
        `expected ${SIZE_WORDS}, found ${shown(value)}`,
        near ? `did you mean ${match?.[1]}${near.toUpperCase()}iB?` : null,
      );
    }
    bytes = Number(match[1]) * factor;
  }
  if (bytes < 0) return refuse(context, `a size cannot be negative, found ${shown(value)}`);
  if (!Number.isInteger(bytes)) return refuse(context, `expected a whole number of bytes, found ${shown(value)}`);
  if (bytes > LIMITS.size) return refuse(context, `expected a size of at most 1TiB, found ${shown(value)}`);
  return bytes;
}

export const size = z
  .union([z.number().meta({ minimum: 0 }), z.string().meta({ pattern: '^[0-9]+(\\.[0-9]+)? ?([KMGT](iB)?|B)?$' })], {
    error: `expected ${SIZE_WORDS}`,
  })
  .transform(parseSize)
  .meta({ id: 'size', description: 'A size: a number of bytes, or a number with KiB, MiB, GiB or TiB' });

const HOLE = /^(\d{1,12})\+(\d{1,12})$/;

export const hole = z
  .string({ error: 'expected pages as first+count, such as "3+5"' })
  .meta({ pattern: '^[0-9]+\\+[0-9]+$' })
  .transform((text, context): PageRange => {
    const match = HOLE.exec(text);
    if (!match) return refuse(context, `expected pages as first+count, such as "3+5", found ${shown(text)}`);
    const count = Number(match[2]);
    if (count === 0) return refuse(context, `expected at least one page, found ${shown(text)}`);
    return { first: Number(match[1]), count };
  })
  .meta({ id: 'pages', description: 'Several pages of 4096 bytes: first+count' });

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/** Text on one line, not empty. */
export function line(what: string): z.ZodType<string, string> {
  return z
    .string({ error: `expected ${what}` })
    .min(1, { error: `expected ${what}, found nothing` })
    .superRefine((text, context) => {
      if (CONTROL.test(text)) refuse(context, `expected ${what} without control characters, found ${shown(text)}`);
    });
}

/** The name of a session, of any length: kernels differ in which lengths they accept. */
export const sessionName = z.string({ error: 'expected the name of a session' }).superRefine((text, context) => {
  if (CONTROL.test(text))
    refuse(context, `expected the name of a session without control characters, found ${shown(text)}`);
});

/** A kernel's name or path. YAML reads 7.20 as the number 7.2. */
export const kernel = z
  .string({
    error: (issue) =>
      typeof issue.input === 'number'
        ? `expected a kernel's name; put it in quotes ("${issue.input}"), YAML reads it as a number`
        : "expected a kernel's name",
  })
  .min(1, { error: "expected a kernel's name" })
  .superRefine((text, context) => {
    if (CONTROL.test(text)) refuse(context, `expected a kernel's name, found ${shown(text)}`);
  });

/** A whole number. The message says what was expected. */
export function whole(what = 'a whole number'): z.ZodInt {
  return z.int({ error: (issue) => (issue.code === 'invalid_type' ? `expected ${what}` : undefined) });
}

function parseToken(value: number | string, context: Context): Token {
  return tokenOf(value) ?? refuse(context, `expected ${TOKEN_WORDS}, found ${shown(value)}`);
}

export const token = z
  .union([z.number().meta({ type: 'integer', minimum: 0 }), z.string().meta({ pattern: '^[0-9]+$' })], {
    error: `expected ${TOKEN_WORDS}`,
  })
  .transform(parseToken)
  .meta({ description: "The file's token in the session: 0 to 2^64-1" });

/** The token of a step, which may be a template. */
export const tokenTemplate = z
  .union([z.number().meta({ type: 'integer', minimum: 0 }), z.string().meta({ pattern: '^[0-9{}a-z]+$' })], {
    error: `expected ${TOKEN_WORDS}, or a template such as "{i}"`,
  })
  .transform((value, context) =>
    typeof value === 'string' && value.includes('{') ? value : parseToken(value, context),
  )
  .meta({ description: 'The file\'s token in the session: 0 to 2^64-1, or within repeat a template such as "{i}"' });

export const seed = whole('a seed: a whole number of 32 bits')
  .min(0)
  .max(0xffffffff)
  .meta({ description: 'Seed of the content pattern, 32 bits; by default from the name' });

export const mode = z
  .string({ error: 'expected permissions in octal and in quotes, such as "0755"' })
  .meta({ pattern: '^0?[0-7]{3,4}$' })
  .transform((text, context) =>
    /^0?[0-7]{3,4}$/.test(text)
      ? Number.parseInt(text, 8)
      : refuse(context, `expected permissions in octal, such as "0755", found ${shown(text)}`),
  );

export const errno = z
  .enum(ERRNO_WORDS)
  .meta({
    id: 'errno',
    description: 'The error that the kernel must return; OK requires success; by default neither is required',
  });

export const count = whole().min(1).max(LIMITS.count);

export const seconds = z
  .number({ error: (issue) => (issue.code === 'invalid_type' ? 'expected a number of seconds' : undefined) })
  .positive()
  .max(LIMITS.timeout);
