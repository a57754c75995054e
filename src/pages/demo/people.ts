import type { Member } from "../../client/index.ts";
import { readProfileFrom } from "./identity.ts";
import { colourOf } from "./names.ts";
import type { Person } from "./view.ts";

/** A member as the page shows it, whatever client it uses: one that says nothing of itself is named after its id. */
function personOf(member: Member, selfId: string | undefined): Person {
  const { name, colour } = readProfileFrom(member.data);
  return {
    id: member.id,
    name: name ?? member.user ?? nameOf(member.id),
    colour: colour ?? colourOf(member.id),
    isSelf: member.id === selfId,
  };
}

/** Everyone in the order in which they came, but this member first. */
export function peopleOf(members: Iterable<Member>, selfId: string | undefined): readonly Person[] {
  const people = Array.from(members, (member) => personOf(member, selfId));
  return [...people.filter(({ isSelf }) => isSelf), ...people.filter(({ isSelf }) => !isSelf)];
}

/** What somebody is called who has told no name. */
export function nameOf(memberId: string): string {
  return `Guest ${memberId.slice(0, 4)}`;
}
