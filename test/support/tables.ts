import { ADVICE, type Advice } from "../../src/client/connection/advice.ts";
import { LOCAL_ERRORS } from "../../src/client/local-errors.ts";
import { OPTIONS } from "../../src/config/options.ts";
import { LOG_EVENTS } from "../../src/metrics/log-events.ts";
import { CLOSE_CODES } from "../../src/protocol/close-codes.ts";
import { ERRORS } from "../../src/protocol/errors.ts";
import type { KindDefinition } from "../../src/config/kinds.ts";
import { kinds } from "../../src/rooms.ts";

/** A table that is generated from code into a document, between `<!-- name:begin -->` and `<!-- name:end -->`. */
interface GeneratedTable {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

/** The fields of a row of `OPTIONS` that the tables use. */
interface OptionRow {
  readonly env: string;
  readonly unit: string;
  readonly default: number | string;
  readonly min?: number;
  readonly max?: number;
  readonly values?: readonly string[];
  readonly scope: "kind" | "server";
  readonly text: string;
}

/** The fields of a row of `ERRORS` that the tables use. */
interface ErrorRow {
  readonly number: number;
  readonly http: number;
  readonly recovery: string;
  readonly close?: string;
  readonly abuse?: string;
  readonly text: string;
}

/** Every table that a document shares with the code. `npm run docs` writes them, and a test compares them. */
export function generatedTables(): GeneratedTable[] {
  return [
    { name: "kinds", file: "docs/kinds-and-hooks.md", text: kindsTable(kinds) },
    { name: "options", file: "docs/options.md", text: optionsTable(OPTIONS) },
    { name: "errors", file: "src/protocol/PROTOCOL.md", text: errorsTable(ERRORS) },
    { name: "log-events", file: "docs/deploying.md", text: logEventsTable(LOG_EVENTS) },
    { name: "close-codes", file: "src/protocol/PROTOCOL.md", text: closeCodesTable() },
    { name: "errors", file: "docs/errors.md", text: errorsTable(ERRORS) },
    { name: "advice", file: "docs/client.md", text: adviceTable() },
    { name: "close-codes", file: "docs/errors.md", text: closeCodesTable() },
    { name: "client-errors", file: "docs/client.md", text: localErrorsTable() },
  ];
}

function logEventsTable(events: typeof LOG_EVENTS): string {
  return table(
    ["Event", "Level", "Fields", "Meaning"],
    Object.entries(events).map(([name, { level, fields, text }]) => [
      code(name),
      code(level),
      fields.map(code).join(", "),
      text,
    ]),
  );
}

function optionsTable(options: Readonly<Record<string, OptionRow>>): string {
  return table(
    ["Option", "Variable", "Default", "Bounds", "Unit", "Per kind", "Meaning"],
    Object.entries(options).map(([name, row]) => [
      code(name),
      code(row.env),
      code(row.default),
      row.values?.map(code).join(", ") ?? bounds(row),
      row.unit,
      row.scope === "kind" ? "yes" : "",
      row.text,
    ]),
  );
}

function kindsTable(definitions: Readonly<Record<string, KindDefinition>>): string {
  return table(
    ["Kind", "For", "History", "Its own options"],
    Object.entries(definitions).map(([name, { text, history = "durable", ...own }]) => [
      code(name),
      text,
      code(history),
      Object.entries(own)
        .filter(([, value]) => typeof value !== "object")
        .map(([option, value]) => code(`${option} ${JSON.stringify(value)}`))
        .join(", "),
    ]),
  );
}

function errorsTable(errors: Readonly<Record<string, ErrorRow>>): string {
  return table(
    ["Code", "Number", "HTTP", "What to do", "Close", "Abuse", "Text"],
    Object.entries(errors).map(([name, row]) => [
      code(name),
      row.number,
      row.http,
      row.recovery,
      code(row.close),
      row.abuse ?? "",
      row.text,
    ]),
  );
}

function closeCodesTable(): string {
  return table(
    ["Code", "Name", "What to do", "Reason"],
    Object.entries(CLOSE_CODES).map(([name, row]) => [row.code, code(name), row.recovery, row.text]),
  );
}

/** What a person can do about a connection, by its advice. */
const ADVICE_TEXTS: Readonly<Record<Advice, string>> = {
  wait: "Nothing. The client connects again by itself",
  free_place: "Close another tab, or wait until a member leaves",
  sign_in: "Sign in again: the client needs another token",
  reload: "Load the page again, because it may be older than the server",
  rejoin: 'Join again, for example with a button "continue here"',
  ask: "Contact whoever runs the application",
};

function adviceTable(): string {
  const others: { readonly [Name in Advice]?: string } = {
    wait: "any other, while the client waits",
    ask: "any other, after the room was closed",
  };
  return table(
    ["`advice`", "What a person can do", "Codes of `error`"],
    (Object.keys(ADVICE_TEXTS) as Advice[]).map((advice) => [
      code(advice),
      ADVICE_TEXTS[advice],
      others[advice] ??
        Object.keys(ADVICE)
          .filter((name) => ADVICE[name] === advice)
          .map(code)
          .join(", "),
    ]),
  );
}

function localErrorsTable(): string {
  return table(
    ["Code", "Meaning"],
    Object.entries(LOCAL_ERRORS).map(([name, text]) => [code(name), text]),
  );
}

function bounds({ min, max }: OptionRow): string {
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `at least ${min}`;
  return max === undefined ? "" : `at most ${max}`;
}

function code(value: number | string | undefined): string {
  return value === undefined || value === "" ? "" : `\`${value}\``;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The text between a table's two marks, or undefined if they are missing. */
export function between(document: string, name: string): string | undefined {
  return marked(name).exec(document)?.[2]?.trim();
}

/** The document with `text` between the marks. Without marks, the document is returned unchanged. */
export function replaceBetween(document: string, name: string, text: string): string {
  // A function, because `$` has a special meaning in a replacement string.
  return document.replace(
    marked(name),
    (_all, begin: string, _old, end: string) => `${begin}\n\n${text}\n\n${end}`,
  );
}

function marked(name: string): RegExp {
  return new RegExp(`(<!-- ${name}:begin -->)([^]*?)(<!-- ${name}:end -->)`);
}
