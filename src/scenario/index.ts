// SPDX-License-Identifier: Apache-2.0
export { loadScenario, parseScenario } from './parse.js';
export type { ScenarioOverrides } from './overrides.js';
export { type ScenarioProblem, ScenarioError, renderProblem } from './source/problem.js';
export { type ParsedPlace, parsePlace, PLACE_TEMPLATES, type PlaceKind } from './validate/place.js';
export { loadProfile, parseProfile } from './profile.js';
export { profileJsonSchema } from './schema/profile.js';
export { scenarioJsonSchema } from './schema/json-schema.js';
export { loadPlan, parsePlan, type PlanKernels } from './plan.js';
export { planJsonSchema } from './schema/plan.js';
