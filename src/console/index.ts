// SPDX-License-Identifier: Apache-2.0
export { type Agreement, agreementOf } from './agreement.js';
export { ConsoleScanner } from './engine.js';
export { canonical } from './titles.js';
export { plainText, terminalSafe } from './escape.js';
export type { ComponentHint, ConsoleSignal, ConsoleSummary, CountedFinding, Finding, Mark, Severity } from './types.js';
