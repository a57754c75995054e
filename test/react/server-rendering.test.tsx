import type { ReactElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import {
  RoomProvider,
  useConnection,
  useHistory,
  useMember,
  useMemberCount,
  useMembers,
  useMyPresence,
  useRoom,
  useSharedState,
} from "../../src/react/index.ts";

function Everything(): ReactElement {
  const [presence] = useMyPresence();
  const [topic] = useSharedState("topic");
  const shown = {
    connection: useConnection(),
    room: useRoom() ?? "none",
    members: useMembers((members) => [...members.keys()]),
    member: useMember("me") ?? "none",
    count: useMemberCount(),
    presence,
    topic: topic ?? "none",
    keys: useSharedState((shared) => [...shared.keys()]),
    history: useHistory(),
  };
  return <pre dangerouslySetInnerHTML={{ __html: JSON.stringify(shown) }} />;
}

it("a server renders the initial state of every hook, and joins no room", () => {
  const join = (): never => {
    throw new Error("a server joined a room");
  };

  const html = renderToString(
    <RoomProvider url="/rooms/lobby" options={{ presence: { name: "Ana" } }} join={join}>
      <Everything />
    </RoomProvider>,
  );

  expect(JSON.parse(html.replace(/<\/?pre>/g, ""))).toEqual({
    connection: { state: "idle" },
    room: "none",
    members: [],
    member: "none",
    count: 0,
    presence: { name: "Ana" },
    topic: "none",
    keys: [],
    history: { messages: [], hasOlder: false, isLoading: true },
  });
});
