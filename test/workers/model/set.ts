import fc from "fast-check";
import { act, record } from "./act.ts";
import { textOf, type Recorded } from "./recorded.ts";
import { versionOf, type StateChange } from "./shared.ts";

/** Only a few keys, so that members compete for them. */
const anyKey = fc.constantFrom("a", "b", "c");

const anyChange = fc.record({
  key: anyKey,
  /** Another key that it deletes, if any. */
  deleted: fc.option(anyKey, { nil: undefined }),
  isDeletion: fc.nat(4).map((n) => n === 4),
  own: fc.boolean(),
  compared: fc.option(fc.record({ key: anyKey, with: fc.constantFrom("right", "right", "next", "absent") }), {
    nil: undefined,
  }),
});

/**
 * Changes the shared state. It always has a `ref`, because it may be rejected. No two changes have the same content.
 */
export const set = act("set", 5, anyChange, (actor, { key, deleted, isDeletion, own, compared }) => {
  const { model, client } = actor;
  const word = client.nextText();
  const others = deleted === undefined || deleted === key ? [] : [deleted];
  const now = versionOf(model.state, compared?.key ?? "");
  const versions = { right: now, next: now + 1, absent: 0 };
  const change: StateChange = {
    set: isDeletion ? {} : { [key]: word },
    deleted: isDeletion ? [key, ...others, word] : others,
    expected: compared === undefined ? {} : { [compared.key]: versions[compared.with] },
    own,
  };
  const from = client.id;
  const message = {
    ...(!isDeletion && { set: change.set }),
    ...(change.deleted.length > 0 && { delete: change.deleted }),
  };
  const ref = client.nextRef();
  const frame = { type: "set", ref, ...message, own, ...(compared && { if: change.expected }) };
  const recorded: Recorded = {
    from,
    text: textOf({ type: "state", from, ...message }),
    change,
    offset: undefined,
    time: undefined,
  };
  client.acts.set(ref, { frame, recorded });
  return record(actor, frame, recorded);
});
