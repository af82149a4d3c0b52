// SPDX-License-Identifier: Apache-2.0
// Makes a scenario smaller as long as it fails in the same way, until no part can be removed. It knows nothing of
// machines: `reproduces` says whether a candidate fails.
import type { Scenario } from '../../model/scenario/scenario.js';
import { SourceDocument } from '../../scenario/source/document.js';
import { type Answers, Candidates, type Reproduces, TimeIsUp } from './search/candidates.js';
import { type Data, textOf } from './data.js';
import { type Pass, PASSES, runPass } from './passes.js';
import { checkPlaces } from './places.js';
import { type RequiredPart, requiredParts } from './required.js';
import { Search } from './search/search.js';

export type { Answer, Answers, Candidate, Reproduces } from './search/candidates.js';

/** Rounds over all parts: a part may become removable once another one is gone. */
const MAX_ROUNDS = 4;

export interface Progress {
  /** The part that is being made smaller. */
  trying: string;
  /** Candidates that were tried so far. */
  tried: number;
  /** The smallest scenario so far, as YAML. */
  smallest: string;
}

export interface MinimiseOptions {
  /** YAML of a scenario that fails. */
  scenario: string;
  reproduces: Reproduces;
  /** Throws a ScenarioError for a candidate that is not a valid scenario. */
  parse: (text: string) => Scenario;
  /** Candidates at once. */
  jobs: number;
  /** No candidate starts after this time, in milliseconds since 1970. */
  deadline: number;
  signal: AbortSignal;
  /** Gets each answer. What it already has is not tried again. */
  answers?: Answers;
  /** Files and sessions that did not come back intact in the failed run. */
  suspects?: readonly string[];
  /** Called when anything of it changes. */
  onProgress?: (progress: Progress) => void;
}

export interface Minimised {
  /** YAML. */
  scenario: string;
  data: Data;
  required: RequiredPart[];
  /** False if the time limit came first. */
  done: boolean;
  /** Candidates that were tried. */
  tried: number;
  /** Candidates that are not valid scenarios. */
  refused: number;
}

/** Throws the signal's reason after an abort, and the first error of `reproduces` that is not the candidate's. */
export async function minimise(options: MinimiseOptions): Promise<Minimised> {
  const { reproduces, parse, jobs, deadline, signal, suspects = [], answers = new Map() } = options;
  const start = new SourceDocument(options.scenario, 'scenario').data as Data;
  let trying = '';
  let smallest = textOf(start);
  const report = () => options.onProgress?.({ trying, tried: candidates.tried, smallest });
  const usable = (text: string) => {
    const scenario = parse(text);
    checkPlaces(scenario);
    return scenario;
  };
  const candidates = new Candidates({ reproduces, parse: usable, answers, jobs, signal, deadline, onTrial: report });
  const search = new Search(start, candidates, (data) => {
    smallest = textOf(data);
    report();
  });
  const onPass = (what: string) => {
    trying = what;
    report();
  };
  const done = await rounds(search, (pass) => runPass(pass, { search, jobs, suspects, onPass }));
  const { data } = search;
  return {
    scenario: textOf(data),
    data,
    required: requiredParts(data, candidates),
    done,
    tried: candidates.tried,
    refused: candidates.refused,
  };
}

async function rounds(search: Search, run: (pass: Pass) => Promise<void>): Promise<boolean> {
  try {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = textOf(search.data);
      for (const pass of PASSES) await run(pass);
      if (textOf(search.data) === before) break;
    }
    return true;
  } catch (error) {
    if (error instanceof TimeIsUp) return false;
    throw error;
  }
}
