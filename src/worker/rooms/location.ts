import type { LocationHint } from "../../config/kinds.ts";

/** The continent, country and longitude of a client, as Cloudflare reports them. Each may be missing. */
export interface ClientLocation {
  readonly continent?: unknown;
  readonly country?: unknown;
  readonly longitude?: unknown;
}

/** Countries that the location hint `me` covers. Cloudflare reports their continent as Asia. */
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

/** The longitude of roughly the middle of North America. West of it `wnam` is closer than `enam`. */
const NORTH_AMERICA_DIVIDE = -100;

/** The longitude of roughly the border of Germany and Poland. East of it `eeur` is closer than `weur`. */
const EUROPE_DIVIDE = 15;

/** Returns where to place a room that this client creates, or `undefined` if its location is not known. */
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
