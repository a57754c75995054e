import { COLOURS, MAX_NAME_CHARS, drawColour, drawGuestName, type Colour } from "./names.ts";

/** A member's presence data, and the author of its messages. */
export interface Profile {
  readonly name: string;
  readonly colour: Colour;
}

/** The identity of this tab: the key that makes it the same member after a reload, and its profile. */
export interface Identity {
  readonly key: string;
  readonly profile: Profile;
  /** Whether the profile was just drawn at random, and not chosen by the user. */
  readonly isDrawn: boolean;
}

const KEY = "parlor.key";
const PROFILE = "parlor.profile";
/** This entry exists while no page uses the storage of this tab. */
const RELEASED = "parlor.released";

/**
 * Finds the identity of this tab. A reload keeps the identity. A duplicated tab, whose storage is a copy, is a new
 * member, because two connections with one key would replace each other. The first tab of a browser uses the last
 * profile. Each further tab draws its own, so that users can distinguish two windows.
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

/** Saves the profile for this tab and for the next visit. */
export function saveProfile(profile: Profile): void {
  const text = JSON.stringify(profile);
  sessionStorage.setItem(PROFILE, text);
  localStorage.setItem(PROFILE, text);
}

/** Reads a profile from untrusted data. Invalid fields are omitted. */
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
 * Whether the storage of this tab is its own. A page marks its storage as released when it closes. A duplicated tab has
 * a copy of the storage of an open page, so it has no mark.
 */
function claimStorage(): boolean {
  const isOurs = sessionStorage.getItem(RELEASED) !== null;
  sessionStorage.removeItem(RELEASED);
  addEventListener("pagehide", () => sessionStorage.setItem(RELEASED, "yes"));
  addEventListener("pageshow", () => sessionStorage.removeItem(RELEASED));
  return isOurs;
}

/** Locks exist only in secure contexts. Without them, every tab counts as the first. */
async function isFirstTab(): Promise<boolean> {
  if (!("locks" in navigator)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  void navigator.locks.request(PROFILE, { ifAvailable: true }, (lock) => {
    resolve(lock !== null);
    // The page holds the lock until it closes.
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
