// SPDX-License-Identifier: Apache-2.0
// Mails with patches, for tests.

export const FROM = 'From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001';

export interface MailParts {
  subject: string;
  body: string;
  headers?: string[];
}

export function mail({ subject, body, headers = [] }: MailParts): string {
  return [FROM, 'From: A Developer <a@example.org>', `Subject: ${subject}`, ...headers, '', body, ''].join('\n');
}

/** A diff that replaces a line of a file. */
export function diff(path: string, before = 'old', after = 'new'): string {
  return [
    `diff --git a/${path} b/${path}`,
    'index 1111111..2222222 100644',
    `--- a/${path}`,
    `+++ b/${path}`,
    '@@ -1,3 +1,3 @@ int f(void)',
    ' first',
    `-${before}`,
    `+${after}`,
    ' last',
    '',
  ].join('\n');
}

export function patchMail(number: number, of: number, path: string, text = `change ${number}`): string {
  return mail({
    subject: `[PATCH ${number}/${of}] ${text}`,
    body: `Why.\n---\n ${path} | 2 +-\n\n${diff(path)}-- \n2.39.5\n`,
  });
}
