import { writeFileSync } from "node:fs";
import { absolute, read } from "./repository.ts";
import { between, generatedTables, replaceBetween } from "./tables.ts";

for (const { name, file, text } of generatedTables()) {
  const document = read(file);
  if (between(document, name) === undefined) {
    throw new Error(`${file} has no <!-- ${name}:begin --> and <!-- ${name}:end -->`);
  }
  writeFileSync(absolute(file), replaceBetween(document, name, text));
  console.log(`${file}: ${name}`);
}
