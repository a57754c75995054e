import { describe, expect, it } from "vitest";
import { Fingerprint } from "../../../../src/room/presence/fingerprint.ts";
import { PresenceChanges } from "../../../../src/room/presence/presence-changes.ts";

describe("the changes that a client that polls has missed", () => {
  /** Notes changes, each as `<id> <what>`. The roster after the n-th is `n`, and before the first `0`. */
  function changes(...noted: readonly string[]): PresenceChanges {
    const made = new PresenceChanges();
    made.note("nobody", "updated", "0");
    for (const [index, text] of noted.entries()) {
      const [id = "", what = ""] = text.split(" ");
      made.note(id, what as "joined", String(index + 1));
    }
    return made;
  }

  it("[Q5] a member that joined, changed or left is in the list of its last change", () => {
    expect(changes("ana joined", "bob updated", "carl left").since("0")).toEqual({
      joined: ["ana"],
      updated: ["bob"],
      left: [{ id: "carl", reason: "left" }],
    });
  });

  it("[Q5] a member that joined and left meanwhile is in no list, and one that left and rejoined has changed", () => {
    expect(changes("ana joined", "ana timeout", "bob left", "bob joined").since("0")).toEqual({
      joined: [],
      updated: ["bob"],
      left: [],
    });
  });

  it("[Q5] a member that joined and changed has joined, and one that changed and left has left for its last reason", () => {
    expect(changes("ana joined", "ana updated", "bob updated", "bob timeout").since("0")).toEqual({
      joined: ["ana"],
      updated: [],
      left: [{ id: "bob", reason: "timeout" }],
    });
  });

  it("[Q5] only changes after the client's list count", () => {
    expect(changes("ana joined", "bob joined").since("1")).toMatchObject({ joined: ["bob"] });
  });

  it("[Q5] the changes since an unknown, a forgotten or a cleared list are not known, and those since the clearing are", () => {
    const many = changes(...Array.from({ length: 3_000 }, () => "ana updated"));
    const cleared = changes("ana joined");
    cleared.clear("a count");
    cleared.note("bob", "joined", "2");

    expect(changes("ana joined").since("other")).toBeUndefined();
    expect(many.since("0")).toBeUndefined();
    expect(many.since("2999")).toBeDefined();
    expect(cleared.since("0")).toBeUndefined();
    expect(cleared.since("a count")).toMatchObject({ joined: ["bob"] });
  });
});

it("[M5] the fingerprint of a list depends on its members and their data, and not on their order", () => {
  const [ana, bob] = ["ana", "bob"].map((id) => ({ id, user: "", info: undefined, data: "1" }));
  if (ana === undefined || bob === undefined) throw new Error("no members");
  const of = (...members: (typeof ana)[]): string => {
    const fingerprint = new Fingerprint();
    for (const member of members) fingerprint.add(member);
    return fingerprint.text;
  };
  const changed = new Fingerprint();
  for (const member of [ana, bob]) changed.add(member);
  changed.remove(ana);

  expect(of(ana, bob)).toBe(of(bob, ana));
  expect(changed.text).toBe(of(bob));
  expect(new Set([of(), of(ana), of(bob), of(ana, bob), of({ ...ana, data: "2" })]).size).toBe(5);
});
