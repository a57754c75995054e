import type { AppTypes, EventName, RoomMessage } from "../client/index.ts";

/** A message that the room has stored. */
export type RecordedMessage<
  App extends AppTypes = AppTypes,
  Event extends EventName<App> = EventName<App>,
> = RoomMessage<App, Event> & { readonly offset: number };
