import type { Member } from "../../client/index.ts";
import { readProfileFrom } from "./identity.ts";
import { colourOf } from "./names.ts";
import type { Person } from "./view.ts";

/** A member as the page shows it. Without a name in its presence data, its name follows from its user or id. */
function personOf(member: Member, selfId: string | undefined): Person {
  const { name, colour } = readProfileFrom(member.data);
  return {
    id: member.id,
    name: name ?? member.user ?? nameOf(member.id),
    colour: colour ?? colourOf(member.id),
    isSelf: member.id === selfId,
  };
}

/** All members in the order of their joins, with this member first. */
export function peopleOf(members: Iterable<Member>, selfId: string | undefined): readonly Person[] {
  const people = Array.from(members, (member) => personOf(member, selfId));
  return [...people.filter(({ isSelf }) => isSelf), ...people.filter(({ isSelf }) => !isSelf)];
}

/** The name of a member that has not chosen one. */
export function nameOf(memberId: string): string {
  return `Guest ${memberId.slice(0, 4)}`;
}
