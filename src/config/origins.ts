import { shown } from "../protocol/shown.ts";

/** An origin: scheme, host, and a port that may be `*`. `rest` is text that is not part of the origin. */
const ORIGIN =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?<host>[\p{L}\p{N}*._-]+|\[[0-9a-f:.]+\])(?::(?<port>\d{1,5}|\*))?(?<rest>[/?#].*)?$/iu;

/**
 * Reads ALLOWED_ORIGINS: origins separated by commas or spaces. A single `*` or an empty text allows all. Each origin is
 * normalized to the form that browsers send, so a trailing slash, a default port and capitals make no difference.
 *
 * @returns the origins separated by commas ("" allows all), and the problems
 */
export function readOrigins(list: string): { readonly value: string; readonly problems: readonly string[] } {
  const items = list.split(/[\s,]+/).filter((item) => item !== "");
  if (list !== "" && items.length === 0) {
    return {
      value: "",
      problems: [`ALLOWED_ORIGINS is ${shown(list)}, which contains no origin; remove it to allow all`],
    };
  }
  if (items.length === 1 && items[0] === "*") return { value: "", problems: [] };
  const problems: string[] = [];
  const origins = items.map((item) =>
    readOrigin(item, (why) => problems.push(`ALLOWED_ORIGINS: ${shown(item)} ${why}`)),
  );
  return { value: origins.join(", "), problems };
}

function readOrigin(item: string, objects: (why: string) => void): string {
  if (item === "null") return item; // sent by pages without an origin, such as files and sandboxed frames
  if (item === "*") {
    objects("allows every origin, so it must be the only item; remove it or the others");
    return item;
  }
  const { scheme = "", host = "", port, rest = "" } = ORIGIN.exec(item)?.groups ?? {};
  if (host === "") {
    const guess = readsAs(`${LOCAL.test(item) ? "http" : "https"}://${item}`);
    objects(
      guess === undefined
        ? "is not an origin; write it as https://app.example.com or https://*.example.com"
        : `has no scheme; write ${guess}`,
    );
    return item;
  }
  const origin = normal(scheme, host, port);
  if (origin === undefined)
    objects(
      "has an invalid host or port; write it as https://app.example.com or https://app.example.com:8443",
    );
  else if (rest !== "" && rest !== "/") objects(`has a path, but an origin has none; write ${origin}`);
  return origin ?? item;
}

/** Hosts of the local machine, which serves pages without https. */
const LOCAL = /^(localhost|127\.|\[)/i;

/** The text as an origin; `undefined` if it is not one. */
function readsAs(text: string): string | undefined {
  const { scheme = "", host, port } = ORIGIN.exec(text)?.groups ?? {};
  return host === undefined || !(host.includes(".") || LOCAL.test(host))
    ? undefined
    : normal(scheme, host, port);
}

/** An origin in the form that browsers send: host in lower case and ASCII, without a default port. */
function normal(scheme: string, host: string, port: string | undefined): string | undefined {
  const suffix = port === undefined ? "" : `:${port}`;
  // A URL of another scheme, such as an app's, has no origin.
  if (!/^https?$/i.test(scheme)) return `${scheme}://${host}${suffix}`.toLowerCase();
  const isAnyPort = port === "*";
  const url = `${scheme}://${host}${isAnyPort ? "" : suffix}`;
  if (!URL.canParse(url)) return undefined;
  const { protocol, host: written } = new URL(url);
  return `${protocol}//${written}${isAnyPort ? ":*" : ""}`;
}
