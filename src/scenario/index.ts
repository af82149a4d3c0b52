// SPDX-License-Identifier: Apache-2.0
export { loadScenario, parseScenario, type ScenarioOverrides } from './parse.js';
export { type ScenarioProblem, ScenarioError, renderProblem } from './problem.js';
export { scenarioJsonSchema } from './json-schema.js';
