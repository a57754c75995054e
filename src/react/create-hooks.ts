import type { ReactElement } from "react";
import type {
  AppTypes,
  EventName,
  JoinOptions,
  Json,
  Member,
  PresenceData,
  Room,
  RoomMessage,
  Shared,
  SharedValue,
  StateData,
  StateKey,
} from "../client/index.ts";
import type { RecordedMessage } from "./history.ts";
import { RoomProvider, type RoomProviderProps } from "./room-provider.ts";
import { useConnection } from "./use-connection.ts";
import { useEvent } from "./use-event.ts";
import { useHistory, type HistoryOptions, type RoomHistory } from "./use-history.ts";
import { useMember, useMemberCount, useMembers } from "./use-members.ts";
import { useMyPresence, type SetMyPresence } from "./use-my-presence.ts";
import { usePublish } from "./use-publish.ts";
import { useRoom } from "./use-room.ts";
import { useSharedState, type SetSharedValue } from "./use-shared-state.ts";
import type { IsEqual } from "./use-view.ts";

/** All values of the shared state, with the type of each key. */
type SharedValues<App extends AppTypes> = Omit<
  ReadonlyMap<StateKey<App>, SharedValue<StateData<App, StateKey<App>, Json>>>,
  "get"
> &
  Pick<Shared<App>, "get">;

/** The provider and the hooks with the types of an application. */
export interface Hooks<App extends AppTypes> {
  RoomProvider(
    this: void,
    props: Omit<RoomProviderProps, "options" | "join"> & {
      readonly options?: JoinOptions<App> | undefined;
      readonly join?: ((url: string | URL, options?: JoinOptions<App>) => Room<App>) | undefined;
    },
  ): ReactElement;
  readonly useConnection: typeof useConnection;
  useEvent<Event extends EventName<App>>(
    this: void,
    event: Event,
    listener: (message: RoomMessage<App, Event>) => void,
  ): void;
  useHistory<Event extends EventName<App> = EventName<App>>(
    this: void,
    options?: HistoryOptions & { readonly event?: Event | undefined },
  ): Omit<RoomHistory, "messages"> & { readonly messages: readonly RecordedMessage<App, Event>[] };
  useMember(this: void, id: string | undefined): Member<App> | undefined;
  readonly useMemberCount: typeof useMemberCount;
  useMembers(this: void): ReadonlyMap<string, Member<App>>;
  useMembers<Selection>(
    this: void,
    select: (members: ReadonlyMap<string, Member<App>>) => Selection,
    isEqual?: IsEqual<Selection>,
  ): Selection;
  useMyPresence(
    this: void,
  ): readonly [PresenceData<App, Json> | undefined, SetMyPresence<PresenceData<App, Json>>];
  usePublish(this: void): Room<App>["publish"];
  useRoom(this: void): Room<App> | undefined;
  useSharedState<Key extends StateKey<App>>(
    this: void,
    key: Key,
  ): readonly [
    StateData<App, Key, Json> | undefined,
    SetSharedValue<StateData<App, Key, unknown>, StateData<App, Key, Json>>,
  ];
  useSharedState<Selection>(
    this: void,
    select: (shared: SharedValues<App>) => Selection,
    isEqual?: IsEqual<Selection>,
  ): Selection;
}

const HOOKS = {
  RoomProvider,
  useConnection,
  useEvent,
  useHistory,
  useMember,
  useMemberCount,
  useMembers,
  useMyPresence,
  usePublish,
  useRoom,
  useSharedState,
} satisfies Record<keyof Hooks<AppTypes>, unknown>;

/**
 * Returns the provider and the hooks with the types of an application. They are the same functions as without types. Call it once,
 * and import the result in your components.
 *
 * @example
 * export const { RoomProvider, useEvent, usePublish } = createHooks<App>();
 */
export function createHooks<App extends AppTypes>(): Hooks<App> {
  return HOOKS as unknown as Hooks<App>;
}
