import { COLOURS, MAX_NAME_CHARS, drawColour, drawGuestName, type Colour } from "./names.ts";

/** What a member says of itself: its presence data, and the author of its messages. */
export interface Profile {
  readonly name: string;
  readonly colour: Colour;
}

/** Who this tab is: the key that makes it the same member after a reload, and what it says of itself. */
export interface Identity {
  readonly key: string;
  readonly profile: Profile;
  /** Whether the profile was drawn just now, so that nobody is attached to it. */
  readonly isDrawn: boolean;
}

const KEY = "parlor.key";
const PROFILE = "parlor.profile";
/** Set while no page uses this tab's storage. */
const RELEASED = "parlor.released";

/**
 * Finds out who this tab is. A reload is the same member. A duplicated tab, whose storage is a copy, is a new one:
 * two connections with one key would take the room from each other. The first tab of a browser has the name that was
 * used in it last; another one open beside it draws its own, so that two windows can be told apart.
 */
export async function claimIdentity(): Promise<Identity> {
  const isOurs = claimStorage();
  const kept = isOurs ? sessionStorage.getItem(KEY) : null;
  const key = kept ?? drawKey();
  const isFirst = await isFirstTab();
  const ownProfile = isOurs ? readProfile(sessionStorage) : undefined;
  const known = ownProfile ?? (isFirst ? readProfile(localStorage) : undefined);
  const profile = known ?? { name: drawGuestName(), colour: drawColour() };
  sessionStorage.setItem(KEY, key);
  sessionStorage.setItem(PROFILE, JSON.stringify(profile));
  if (isFirst) localStorage.setItem(PROFILE, JSON.stringify(profile));
  return { key, profile, isDrawn: known === undefined };
}

/** Remembers what was chosen, for this tab and for the next visit. */
export function saveProfile(profile: Profile): void {
  const text = JSON.stringify(profile);
  sessionStorage.setItem(PROFILE, text);
  localStorage.setItem(PROFILE, text);
}

/** Reads a profile out of whatever somebody sent or stored; a field of the wrong form is left out. */
export function readProfileFrom(data: unknown): Partial<Profile> {
  if (typeof data !== "object" || data === null) return {};
  const { name, colour } = data as { readonly name?: unknown; readonly colour?: unknown };
  const known = COLOURS.find((one) => one === colour);
  const trimmed = typeof name === "string" ? name.trim().slice(0, MAX_NAME_CHARS) : "";
  return { ...(trimmed !== "" && { name: trimmed }), ...(known !== undefined && { colour: known }) };
}

/** Draws 128 random bits as base64url: a session's key, or the id of one thing. */
export function drawKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * Whether this tab's storage is its own. A page marks it as released when it goes; a copy is made of the storage of
 * a page that is still there, and so is not marked.
 */
function claimStorage(): boolean {
  const isOurs = sessionStorage.getItem(RELEASED) !== null;
  sessionStorage.removeItem(RELEASED);
  addEventListener("pagehide", () => sessionStorage.setItem(RELEASED, "yes"));
  addEventListener("pageshow", () => sessionStorage.removeItem(RELEASED));
  return isOurs;
}

/** Locks are there in secure contexts only; without them every tab counts as the first. */
async function isFirstTab(): Promise<boolean> {
  if (!("locks" in navigator)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  void navigator.locks.request(PROFILE, { ifAvailable: true }, (lock) => {
    resolve(lock !== null);
    // Held for as long as the page is there.
    return lock === null ? undefined : new Promise(() => {});
  });
  return promise;
}

function readProfile(storage: Storage): Profile | undefined {
  try {
    const { name, colour } = readProfileFrom(JSON.parse(storage.getItem(PROFILE) ?? "null"));
    return name === undefined || colour === undefined ? undefined : { name, colour };
  } catch {
    return undefined;
  }
}
