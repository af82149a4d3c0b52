// SPDX-License-Identifier: Apache-2.0
// Reads a profile and checks it. Its problems look like those of scenarios.
import { basename } from 'node:path';
import { type Component, PINNABLE_COMPONENTS } from '../model/kernel/component.js';
import type { Profile } from '../model/scenario/profile.js';
import { nearest } from '../util/text/nearest.js';
import { type Path, SourceDocument } from './source/document.js';
import { addIssues } from './source/issues.js';
import { readText } from './source/read-text.js';
import { shown, ScenarioError } from './source/problem.js';
import { Problems } from './source/problems.js';
import { isName, type ProfileInput, profileSchema } from './schema/profile.js';

/** Reads and checks a profile. Throws a ScenarioError with all problems. */
export async function loadProfile(path: string): Promise<Profile> {
  return parseProfile(await readText(path, 'profile'), path);
}

export function parseProfile(text: string, file: string): Profile {
  const document = new SourceDocument(text, file);
  if (document.errors.length > 0) throw new ScenarioError(document.errors, text);
  if (document.data === null || document.data === undefined) {
    throw new ScenarioError(
      [
        {
          file,
          line: 0,
          column: 0,
          message: 'the file is empty',
          hint: 'expected a profile: a mapping with components',
        },
      ],
      text,
    );
  }
  const problems = new Problems(document);
  const result = profileSchema.safeParse(document.data);
  if (!result.success) addIssues(result.error.issues, document.data, problems);
  const profile = result.success ? build(result.data, file, problems) : null;
  if (!problems.empty || profile === null) throw new ScenarioError(problems.sorted(), text);
  return profile;
}

function build(input: ProfileInput, file: string, problems: Problems): Profile {
  const pins = versionsIn(input.components, ['components'], problems);
  if (pins.length === 0) problems.add(['components'], 'expected at least one component', null, 'key');
  const features = Object.entries(input.features).map(([name, needs]) => {
    const path = ['features', name];
    if (!isName(name)) problems.add(path, `expected a feature's name, found ${shown(name)}`, null, 'key');
    if (Object.keys(needs).length === 0)
      problems.add(path, 'expected a component that supports it, and its version', null, 'key');
    for (const component of Object.keys(needs)) {
      if (Object.hasOwn(input.components, component)) continue;
      const near = nearest(component, Object.keys(input.components));
      problems.add(
        [...path, component],
        `component ${shown(component)} is not pinned by this profile`,
        near === null ? 'pin it under components' : `did you mean "${near}"?`,
        'key',
      );
    }
    return { name, needs: listOf(needs) };
  });
  return {
    name: input.name ?? basename(file).replace(/\.ya?ml$/, ''),
    description: input.description,
    pins,
    features,
    file,
  };
}

function versionsIn(versions: Record<string, number>, path: Path, problems: Problems): Component[] {
  for (const name of Object.keys(versions)) {
    if (PINNABLE_COMPONENTS.some((known) => known === name)) continue;
    const near = nearest(name, PINNABLE_COMPONENTS);
    if (!isName(name))
      problems.add(
        [...path, name],
        `expected a component's name, found ${shown(name)}`,
        near === null ? null : `did you mean "${near}"?`,
        'key',
      );
    // A kernel may have handlers that the lab does not know. But a name close to a known one is probably a typo.
    else if (near !== null)
      problems.add([...path, name], `unknown component ${shown(name)}`, `did you mean "${near}"?`, 'key');
  }
  return listOf(versions);
}

function listOf(versions: Record<string, number>): Component[] {
  return Object.entries(versions).map(([name, version]) => ({ name, version }));
}
