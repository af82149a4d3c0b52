// SPDX-License-Identifier: Apache-2.0
// Reads parts of an untrusted value. If the type is wrong, the result is a safe default.

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Returns a whole number from 0 on; 0 for anything else. */
export function asNumber(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
