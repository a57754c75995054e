import type { Crowd } from "./crowd.ts";

/**
 * Keeps one message of each sender in the first room in flight. A sender publishes the next when all members have the last.
 *
 * @returns a function that stops publishing and lets the messages in flight arrive
 */
export function keepInFlight(crowd: Crowd): () => void {
  const left = new Int32Array(crowd.senders);
  let isOver = false;
  const publish = (sender: number): void => {
    left[sender] = crowd.audience;
    crowd.publish(0, sender);
  };
  crowd.onDelivery = (_room, sender) => {
    left[sender] = (left[sender] ?? 0) - 1;
    if (left[sender] === 0 && !isOver) publish(sender);
  };
  for (let sender = 0; sender < crowd.senders; sender++) publish(sender);
  return () => {
    isOver = true;
  };
}
