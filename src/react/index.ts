"use client"; // In frameworks with server components, components that use these hooks run in the browser too.

// Next.js accepts no `export *` in such a file. A test compares these names with those of `createHooks`.

export { createHooks, type Hooks } from "./create-hooks.ts";
export { RoomProvider, type RoomProviderProps } from "./room-provider.ts";
export { shallow } from "./shallow.ts";
export { useConnection } from "./use-connection.ts";
export { useEvent } from "./use-event.ts";
export { useHistory, type HistoryOptions, type RoomHistory } from "./use-history.ts";
export type { RecordedMessage } from "./history.ts";
export { useMember, useMemberCount, useMembers } from "./use-members.ts";
export { useMyPresence, type SetMyPresence } from "./use-my-presence.ts";
export { usePublish, type Publish } from "./use-publish.ts";
export { useRoom } from "./use-room.ts";
export { useSharedState, type SetSharedValue } from "./use-shared-state.ts";
