import { MIN_INTERVAL_MS, roundSpot, type Spot } from "./cursor-motion.ts";

/** How far an arrow key moves the cursor, as a share of the area; with Shift four times as far. */
const STEP = 0.02;

/** Receives the movements of this member's cursor. */
export interface PointerListener {
  /** @param byKeys whether the arrow keys moved it. Then the screen shows no pointer at this position */
  onMove(spot: Spot, byKeys: boolean): void;
  onPress(spot: Spot): void;
  onLeave(): void;
}

/** Follows mouse, pen, finger and arrow keys over the area, with at most 30 moves a second. */
export function followPointer(area: HTMLElement, listener: PointerListener): void {
  let at: Spot = { x: 0.5, y: 0.5 };
  let byKeys = false;
  let timer: number | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;

  area.addEventListener("pointermove", (event) => moveTo(spotOf(event), false));
  area.addEventListener("pointerdown", (event) => {
    const spot = spotOf(event);
    moveTo(spot, false);
    listener.onPress(spot);
  });
  area.addEventListener("pointerleave", (event) => {
    // When a finger is lifted, its cursor stays.
    if (event.pointerType !== "touch") leave();
  });
  area.addEventListener("blur", () => {
    if (byKeys) leave();
  });
  area.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? STEP * 4 : STEP;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
      event.key
    ];
    if (move !== undefined) moveTo({ x: at.x + (move[0] ?? 0), y: at.y + (move[1] ?? 0) }, true);
    else if (event.key === "Enter" || event.key === " ") listener.onPress(at);
    else return;
    event.preventDefault();
  });

  function moveTo(spot: Spot, withKeys: boolean): void {
    at = roundSpot(spot);
    byKeys = withKeys;
    if (timer !== undefined) return;
    const wait = sentAt + MIN_INTERVAL_MS - performance.now();
    if (wait <= 0) report();
    else timer = setTimeout(report, wait);
  }

  function report(): void {
    timer = undefined;
    sentAt = performance.now();
    listener.onMove(at, byKeys);
  }

  function leave(): void {
    clearTimeout(timer);
    timer = undefined;
    listener.onLeave();
  }

  function spotOf({ clientX, clientY }: PointerEvent): Spot {
    const { left, top, width, height } = area.getBoundingClientRect();
    return roundSpot({ x: (clientX - left) / width, y: (clientY - top) / height });
  }
}
