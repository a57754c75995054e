/**
 * What Cloudflare charges on the paid plan once its included amounts are used up, in dollars.
 *
 * https://developers.cloudflare.com/durable-objects/platform/pricing/, read in November 2026.
 */
const PRICES = {
  perRequest: 0.15 / 1_000_000,
  perGbSecond: 12.5 / 1_000_000,
  perRowWritten: 1 / 1_000_000,
  perRowRead: 0.001 / 1_000_000,
} as const;

/** An object is billed for this much memory while it runs, regardless of what it uses. */
const BILLED_GB = 0.128;

/** The price of an amount of each, in dollars. */
export function priceOf(amount: {
  readonly requests: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  readonly seconds: number;
}): number {
  return (
    amount.requests * PRICES.perRequest +
    amount.rowsWritten * PRICES.perRowWritten +
    amount.rowsRead * PRICES.perRowRead +
    amount.seconds * BILLED_GB * PRICES.perGbSecond
  );
}
