// SPDX-License-Identifier: Apache-2.0
// Scenarios for the fake machine.

/** Two updates, in which the same two files are handed on. */
export const TWO_UPDATES = `
chain: [a, b, c]
sessions:
  - name: vm0
    files:
      - {name: ram, memfd: 16KiB}
      - {name: state, memfd: 8KiB}
`;
