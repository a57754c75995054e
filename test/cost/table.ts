/** Formats a table as plain text. The first column is aligned left, the columns of numbers right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Formats an amount. Values below one have three decimals. */
export function amount(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 1 ? 3 : 1 });
}

/** Formats dollars: with cents, or with three significant digits if the amount is smaller. */
export function dollars(value: number): string {
  return `$${value >= 0.1 ? value.toFixed(2) : value.toLocaleString("en", { maximumSignificantDigits: 3 })}`;
}
