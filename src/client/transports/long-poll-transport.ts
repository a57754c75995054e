import type { Target, Transport, TransportListener } from "./transport.ts";

/** A connection over long-poll. */
export declare class LongPollTransport implements Transport {
  constructor(target: Target, listener: TransportListener, fetch_: typeof fetch);
  readonly isBusy: boolean;
  send: Transport["send"];
  renew: Transport["renew"];
  ping: Transport["ping"];
  leave: Transport["leave"];
  close: Transport["close"];
}
