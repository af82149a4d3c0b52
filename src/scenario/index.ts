// SPDX-License-Identifier: Apache-2.0
export { loadScenario, parseScenario, type ScenarioOverrides } from './parse.js';
export { type ScenarioProblem, ScenarioError, renderProblem } from './problem.js';
export { loadProfile, parseProfile } from './profile.js';
export { profileJsonSchema } from './schema/profile.js';
export { scenarioJsonSchema } from './schema/json-schema.js';
export { loadPlan, parsePlan, type PlanKernels } from './plan.js';
export { planJsonSchema } from './schema/plan.js';
