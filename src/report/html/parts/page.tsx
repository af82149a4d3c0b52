// SPDX-License-Identifier: Apache-2.0
// The frame of every page. Its policy lets a page load only the report's own two files, whatever text of a machine it
// contains.
import { createHash } from 'node:crypto';
import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { printable } from '../../../util/text/escape.js';

const POLICY =
  "default-src 'none'; style-src 'self' file:; script-src 'self' file:; base-uri 'none'; form-action 'none'";

interface PageProps {
  title: string;
  /** From the page to the folder of the report: '' or '../'. */
  root: string;
  /** Style sheet to put into the page, which then needs no other file; null or undefined to link to the report's. */
  style?: string | null;
  children: ComponentChildren;
}

/** A complete document as text, without any control or direction characters. */
export function pageText(props: PageProps): string {
  const text = renderToString(<Page {...props} />);
  return `<!doctype html>\n${text
    .split('\n')
    .map((line) => printable(line, line.length))
    .join('\n')}\n`;
}

function Page({ title, root, style, children }: PageProps) {
  const own = style == null ? null : `\n${style.trim()}\n`;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content={own === null ? POLICY : `default-src 'none'; style-src '${hashOf(own)}'`}
        />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{show(title)}</title>
        {own === null ? (
          <>
            <link rel="stylesheet" href={`${root}report.css`} />
            <script defer src={`${root}report.js`} />
          </>
        ) : (
          <style dangerouslySetInnerHTML={{ __html: own }} />
        )}
      </head>
      <body>
        <a class="skip" href="#main">
          to the content
        </a>
        <main id="main">{children}</main>
      </body>
    </html>
  );
}

/** The only style that the page may use, as its policy names it. */
function hashOf(style: string): string {
  return `sha256-${createHash('sha256').update(style).digest('base64')}`;
}

/**
 * Bounded text from a machine, a file or a name. Control and direction characters and line ends become visible; Preact
 * escapes the rest.
 */
export function show(text: string, limit = 400): string {
  return printable(text, limit);
}

/** Path of a run's page, from the folder of the report. */
export function runPage(run: string): string {
  return `runs/${encodeURIComponent(run)}.html`;
}
