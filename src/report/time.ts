// SPDX-License-Identifier: Apache-2.0

/** `2026-11-22 13:08`, UTC: the same wherever the report is read. @param at milliseconds since 1970, or ISO 8601 */
export function dateText(at: number | string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'at no known time' : date.toISOString().slice(0, 16).replace('T', ' ');
}
