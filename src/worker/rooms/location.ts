import type { LocationHint } from "../../config/kinds.ts";

/** The continent, country and longitude that Cloudflare sees a client at; all may be missing. */
export interface ClientLocation {
  readonly continent?: unknown;
  readonly country?: unknown;
  readonly longitude?: unknown;
}

/** Countries that Cloudflare's hint `me` is meant for, though they count as Asia. */
const MIDDLE_EAST = new Set([
  "AE",
  "BH",
  "IL",
  "IQ",
  "IR",
  "JO",
  "KW",
  "LB",
  "OM",
  "PS",
  "QA",
  "SA",
  "SY",
  "YE",
]);

/** Between the Americas' coasts: west of it a room is nearer in `wnam`. Roughly the middle of the continent. */
const NORTH_AMERICA_DIVIDE = -100;

/** Roughly the longitude of Berlin's eastern neighbours: east of it a room is nearer in `eeur`. */
const EUROPE_DIVIDE = 15;

/** Where a room that this client opens should live; `undefined` where the client's place is not known. */
export function hintFor(client: ClientLocation | undefined): LocationHint | undefined {
  const longitude = Number(client?.longitude);
  switch (client?.continent) {
    case "NA":
      return longitude < NORTH_AMERICA_DIVIDE ? "wnam" : "enam";
    case "SA":
      return "sam";
    case "EU":
      return longitude > EUROPE_DIVIDE ? "eeur" : "weur";
    case "AS":
      return typeof client.country === "string" && MIDDLE_EAST.has(client.country) ? "me" : "apac";
    case "OC":
      return "oc";
    case "AF":
      return "afr";
    default:
      return undefined;
  }
}
