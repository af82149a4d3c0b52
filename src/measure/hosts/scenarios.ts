// SPDX-License-Identifier: Apache-2.0
// Shipped scenarios that together need every witness, and show that each can find fault.

/** Paths below `scenarios/`. */
export const SCENARIOS: readonly string[] = [
  'first-update.yaml',
  'refused-abort.yaml',
  'leak.yaml',
  'mismatch/faults/session-renamed.yaml',
  'mismatch/faults/content-at-the-jump.yaml',
  'guests/survives.yaml',
  'guests/linux.yaml',
  'devices/edu-recreate.yaml',
  'devices/edu-in-flight.yaml',
];
