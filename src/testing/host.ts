import { decodeRoomName } from "../protocol/room-names.ts";
import type { Identity } from "../protocol/ids.ts";
import type { WireError } from "../protocol/errors.ts";
import type { Channel, Connection } from "./connection.ts";
import { Failures } from "./failures.ts";
import { readJoin, type JoinHeaders } from "./join-request.ts";
import { RoomModel } from "./room-model.ts";

/** A join as it arrives, over either transport. */
export interface Arrival extends JoinHeaders {
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

/** The rooms of a server, and the failures that a test has requested. */
export class Host {
  /** For the next joins. */
  readonly refusals = new Failures();
  /** For the next acts. */
  readonly rejections = new Failures();
  readonly rooms = new Map<string, RoomModel>();
  readonly userOf: (token: string | undefined) => string;
  readonly #now: () => number;
  readonly #identities = new Map<string, Identity>();

  constructor(now: () => number, userOf: (token: string | undefined) => string) {
    this.#now = now;
    this.userOf = userOf;
  }

  /** The room in a URL. It exists from now on. */
  roomOf(
    segment: string,
  ):
    | { readonly value: RoomModel; readonly error?: undefined }
    | { readonly value?: undefined; readonly error: WireError } {
    const name = decodeRoomName(segment);
    return name.ok ? { value: this.room(name.value) } : { error: name.error };
  }

  room(name: string): RoomModel {
    const known = this.rooms.get(name);
    if (known !== undefined) return known;
    const room = new RoomModel(name, this.#now, (user, key) => this.#identify(name, user, key));
    this.rooms.set(name, room);
    return room;
  }

  /** Joins a client. Returns its connection, or the error if it is rejected. */
  join(room: RoomModel, arrival: Arrival, channel: Channel): Connection | WireError {
    const refusal = this.refusals.take();
    if (refusal !== undefined) return refusal;
    const request = readJoin(arrival.query, arrival);
    if (!request.ok) return request.error;
    const joined = room.join(request.value, this.userOf(arrival.token), channel);
    return joined.ok ? joined.value : joined.error;
  }

  /**
   * The ids of a client: the same for the same room, user and key, as in rule J4. They are numbered instead of hashed, so that
   * they are the same in each run of a test, and need no cryptography.
   */
  #identify(room: string, user: string, key: string): Identity {
    const name = JSON.stringify([room, user, key]);
    const known = this.#identities.get(name);
    if (known !== undefined) return known;
    const number = String(this.#identities.size + 1);
    const identity = {
      session: `session-${number.padStart(14, "0")}`,
      member: `member-${number.padStart(15, "0")}`,
    };
    this.#identities.set(name, identity);
    return identity;
  }
}
