import type { Kind } from "../../config/config.ts";
import type { WireError } from "../../protocol/errors.ts";
import type { PresenceUpdateFrame, PublishFrame, SetFrame } from "../../protocol/frames.ts";
import { utf8Length } from "../../protocol/json.ts";
import { areLarger, isLarger, messageParts, stateParts } from "../../protocol/messages.ts";
import type { MemberActor } from "../api.ts";
import type { Hooks } from "../hooks/hooks.ts";
import type { Members } from "../presence/members.ts";
import type { Deduplication } from "../log/deduplication.ts";
import type { Reply, Origin, Outbox } from "../delivery/outbox.ts";
import type { State } from "../state/state.ts";

/** The collaborators that publish and set. */
interface Collaborators {
  readonly hooks: Hooks;
  readonly members: Members;
  readonly state: State;
  readonly deduplication: Deduplication;
  readonly outbox: Outbox;
}

/**
 * Handles what members publish and set. Recorded acts are deduplicated. Volatile messages and presence data are not.
 */
export class Publishing {
  readonly #kind: Kind;
  readonly #room: Collaborators;

  constructor(kind: Kind, room: Collaborators) {
    this.#kind = kind;
    this.#room = room;
  }

  /** Publishes a message. Returns the error if it is rejected. A recorded message is acknowledged once it is stored. */
  publish(
    actor: MemberActor,
    frame: PublishFrame,
    origin: Origin,
    reply: Reply,
    now: number,
  ): WireError | undefined {
    const known = this.#replyToKnown(origin, reply, now);
    if (known !== "new") return known;
    const member = this.#room.members.byId(actor.member);
    if (member === undefined) return { code: "not_joined" };
    const { to, volatile: isVolatile } = frame;
    const stranger = to?.find((id) => this.#room.members.byId(id) === undefined);
    if (stranger !== undefined)
      return { code: "unknown_member", message: `no member of the room has the id "${stranger}"` };
    const allowed = this.#room.hooks.publish(member, frame, now);
    if (!allowed.ok) return allowed.error;
    const { event, payload, after } = allowed.value;
    if (isLarger(payload, this.#kind.maxFrameBytes)) return TOO_LARGE;
    const parts = messageParts({ from: actor.member, user: actor.user, to }, event, payload);
    if (isVolatile) {
      this.#room.outbox.volatile(parts, slotOf(parts.from, event, frame));
      reply({ type: "ack" });
    } else this.#room.outbox.record(parts, origin, reply);
    after();
    return undefined;
  }

  /** Changes the state. Returns the error if the change is rejected. */
  set(actor: MemberActor, frame: SetFrame, origin: Origin, reply: Reply, now: number): WireError | undefined {
    // Deduplicate before comparing versions: a retry of an applied change would conflict with itself.
    const known = this.#replyToKnown(origin, reply, now);
    if (known !== "new") return known;
    const member = this.#room.members.byId(actor.member);
    if (member === undefined) return { code: "not_joined" };
    const change = this.#room.state.check(frame, actor.member);
    if (!change.ok) return change.error;
    if (areLarger([...change.value.set.values()], this.#kind.maxFrameBytes)) return TOO_LARGE;
    const asked = { set: frame.set, deleted: frame.delete, isOwn: frame.own };
    const allowed = this.#room.hooks.set(member, asked, change.value, now);
    if (!allowed.ok) return allowed.error;
    this.#room.state.stage(change.value, this.#room.outbox.nextOffset);
    const { set, deleted } = change.value;
    this.#room.outbox.record(
      stateParts({ from: actor.member, user: actor.user }, set, deleted),
      origin,
      reply,
    );
    allowed.value();
    return undefined;
  }

  /** Replaces a member's presence data. Returns the error if the data is rejected. */
  setPresence(
    actor: MemberActor,
    { data, ref }: PresenceUpdateFrame,
    reply: Reply,
    now: number,
  ): WireError | undefined {
    const member = this.#room.members.byId(actor.member);
    if (member === undefined) return { code: "not_joined" };
    const text = JSON.stringify(data);
    const bytes = utf8Length(text);
    const { maxPresenceBytes } = this.#kind;
    if (bytes > maxPresenceBytes) {
      const message = `presence data is ${bytes} bytes, the limit is ${maxPresenceBytes}`;
      return { code: "presence_too_large", message, limit: "maxPresenceBytes" };
    }
    const taken = this.#room.hooks.presence(member, text, now);
    if (!taken.ok) return taken.error;
    this.#room.outbox.presence.updated(this.#room.members.setData(member, taken.value.data));
    reply({ type: "ack", ...(ref !== undefined && { ref }) });
    taken.value.after();
    return undefined;
  }

  /** Replies to an act that has taken effect or is about to. Returns `stale_ref` if its ref is too old to decide. */
  #replyToKnown({ session, ref, named }: Origin, reply: Reply, now: number): WireError | "new" | undefined {
    if (ref === undefined) return "new";
    if (this.#room.outbox.repeat(session, ref, reply)) return undefined;
    const known = this.#room.deduplication.find(session, ref, now);
    if (known.is === "new") return "new";
    if (known.is === "stale") return { code: "stale_ref" };
    reply({ type: "ack", ...(named !== undefined && { ref: named }), offset: known.offset });
    return undefined;
  }
}

/** Numbers can grow when they are serialized again (1e20 takes 21 digits), and a hook can return larger data. */
const TOO_LARGE: WireError = {
  code: "frame_too_large",
  message: "the data is larger than maxFrameBytes after the room has serialized it; send less",
  limit: "maxFrameBytes",
  isAbuse: false, // the sender cannot know the size in advance
};

/** Volatile messages of the same slot replace one another: same sender, event, key and addressees. */
function slotOf(from: string, event: string, { key, to }: PublishFrame): string {
  return JSON.stringify([from, event, key, to]);
}
