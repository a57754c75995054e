import { encode } from "uqr";
import { makeSvg } from "./dom.ts";

/** Draws a text as a QR code: one path of squares, which the style sheet fills. */
export function drawQr(text: string): SVGElement {
  const { data, size } = encode(text, { ecc: "M", border: 0 });
  const path = data
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  return makeSvg(
    "svg",
    {
      viewBox: `0 0 ${size} ${size}`,
      role: "img",
      "aria-label": "QR code of the link",
      "shape-rendering": "crispEdges",
    },
    makeSvg("path", { d: path }),
  );
}
