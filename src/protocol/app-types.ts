import type { MessageFrame } from "./frames.ts";
import type { Json } from "./json.ts";

/**
 * What an application sends, as types. Every part may be left out. Names and data of a part that is left out are not checked.
 * A name may be a template such as `hand:${string}`.
 *
 * @example
 * interface App {
 *   events: { chat: { text: string }; cursor: { x: number; y: number } };
 *   state: { topic: string; votes: number };
 *   presence: { name: string };
 *   requests: { hand: { data: { round: number }; reply: string[] } };
 * }
 */
export interface AppTypes {
  /** The data of messages, by event. Raw bytes are a `Uint8Array`. */
  readonly events?: object;
  /** The values of the shared state, by key. */
  readonly state?: object;
  /** The presence data of a member. */
  readonly presence?: unknown;
  /** The requests between members, by event: `data` and `reply`. */
  readonly requests?: object;
}

/** The names of a part of an application; any text if it declares none. */
type NameIn<App extends AppTypes, Part extends keyof AppTypes> = App extends {
  readonly [Each in Part]: infer Declared;
}
  ? keyof Declared & string
  : string;

/** The data of a name in a part of an application. `Otherwise` is its type if the application does not declare this part. */
type DataIn<App extends AppTypes, Part extends keyof AppTypes, Name extends string, Otherwise> = App extends {
  readonly [Each in Part]: infer Declared;
}
  ? Declared[Name & keyof Declared]
  : Otherwise;

/** The events of an application; any text if it declares none. */
export type EventName<App extends AppTypes> = NameIn<App, "events">;

/** The data of an event. `Otherwise` is the type of data of an application that declares no events. */
export type EventData<App extends AppTypes, Event extends string, Otherwise> = DataIn<
  App,
  "events",
  Event,
  Otherwise
>;

/** The keys of the shared state of an application; any text if it declares none. */
export type StateKey<App extends AppTypes> = NameIn<App, "state">;

/** The value of a key of the shared state. */
export type StateData<App extends AppTypes, Key extends string, Otherwise> = DataIn<
  App,
  "state",
  Key,
  Otherwise
>;

/** Values of the shared state by key, for some of the keys. */
export type StateValues<App extends AppTypes, Otherwise> = App extends { readonly state: infer State }
  ? Partial<State>
  : Record<string, Otherwise>;

/** The presence data of a member. */
export type PresenceData<App extends AppTypes, Otherwise> = App extends { readonly presence: infer Presence }
  ? Presence
  : Otherwise;

/** The events of requests between members; any text if the application declares none. */
export type RequestName<App extends AppTypes> = NameIn<App, "requests">;

/** The data of a request, or of the reply to it. */
export type RequestPart<
  App extends AppTypes,
  Event extends string,
  Part extends "data" | "reply",
  Otherwise,
> = App extends { readonly requests: infer Requests }
  ? Requests[Event & keyof Requests] extends { readonly [Name in Part]: infer Data }
    ? Data
    : Otherwise
  : Otherwise;

/** Data that is sent as raw bytes. */
type Binary = ArrayBuffer | ArrayBufferView;

/** The event and the data of a received message. A message with raw bytes has null as its data. */
type Content<Event extends string, Data> = Data extends Binary
  ? { readonly event: Event; readonly data: null; readonly bytes: Uint8Array }
  : { readonly event: Event; readonly data: Data; readonly bytes?: undefined };

/** The event and the data of a received message, one type for each event: a comparison of `event` decides the type of `data`. */
export type MessageContent<
  App extends AppTypes,
  Event extends EventName<App> = EventName<App>,
> = App extends {
  readonly events: infer Events;
}
  ? { [Name in Event]: Content<Name, Events[Name & keyof Events]> }[Event]
  : Pick<MessageFrame, "event"> & { readonly data: Json; readonly bytes?: Uint8Array | undefined };

/** A map of the shared state by key. `Values` is the type of a value for each key. */
export interface StateMap<App extends AppTypes> extends Omit<
  ReadonlyMap<StateKey<App>, StateData<App, StateKey<App>, Json>>,
  "get"
> {
  get<Key extends StateKey<App>>(key: Key): StateData<App, Key, Json> | undefined;
}
