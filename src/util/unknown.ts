// SPDX-License-Identifier: Apache-2.0
// Parts of a value that came from elsewhere, each with something harmless in its place where it is of another kind.

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A whole number from 0 on; else 0. */
export function asNumber(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
