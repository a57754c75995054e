import type { Crowd } from "./crowd.ts";

/**
 * Keeps messages of the first room on their way, one of each sender: it publishes the next when everyone has the last.
 *
 * @returns lets what is on its way arrive, and begins no more
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
