// SPDX-License-Identifier: Apache-2.0
// Dates for people.

/**
 * `2026-11-22 13:08`, in UTC, so that it is the same everywhere.
 * @param at milliseconds since 1970, or ISO 8601
 */
export function dateText(at: number | string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'unknown date' : date.toISOString().slice(0, 16).replace('T', ' ');
}
