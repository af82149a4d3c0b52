// SPDX-License-Identifier: Apache-2.0
// Findings that are known already: a hunt counts them, and does not show them as new.
import { z } from 'zod';
import { ScenarioError } from '../../scenario/index.js';
import { kernel, line, mapping } from '../../scenario/schema/values.js';
import { SourceDocument } from '../../scenario/source/document.js';
import { addIssues } from '../../scenario/source/issues.js';
import { Problems } from '../../scenario/source/problems.js';
import { glob } from '../../util/text/glob.js';

export const knownSchema = z.array(
  mapping({
    title: line('a title').describe('Title of the finding; a star stands for any text'),
    reference: line('a reference').describe('Where it is described: a link, a commit, a page'),
    kernels: z.array(kernel).min(1).describe('Kernels that have it; a star stands for any text up to a dash'),
  }),
);
export type Known = z.output<typeof knownSchema>[number];

/** Throws a ScenarioError with all problems. */
export function parseKnown(text: string, file: string): Known[] {
  const document = new SourceDocument(text, file);
  if (document.errors.length > 0) throw new ScenarioError(document.errors, text);
  const data = document.data ?? [];
  const parsed = knownSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const problems = new Problems(document);
  addIssues(parsed.error.issues, data, problems);
  throw new ScenarioError(problems.sorted(), text);
}

/** The entry that has this title, on one of these kernels; null if none has. */
export function knownAs(title: string, kernels: readonly string[], all: readonly Known[]): Known | null {
  return (
    all.find(
      (each) =>
        glob(each.title, 'none')(title) && kernels.some((name) => each.kernels.some((of) => glob(of, '-')(name))),
    ) ?? null
  );
}

/** JSON Schema, draft-07, for files of known findings. */
export function knownJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(knownSchema, { target: 'draft-7', io: 'input' }) as Record<
    string,
    unknown
  >;
  return { $schema, title: 'Known findings of the lab', ...rest };
}
