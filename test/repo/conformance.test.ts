import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { FILES } from "../conformance/cases.ts";
import { filesIn, read } from "../support/repository.ts";

const FOLDER = "test/conformance/";

/** The files of cases, beside the code that runs them. */
const paths = filesIn(FOLDER).filter((path) => path.endsWith(".json") && !path.includes("/schema/"));

describe("the conformance cases", () => {
  it.each(paths)("%s follows the schema, and names only rules of PROTOCOL.md", (path) => {
    const validate = new Ajv2020().compile(JSON.parse(read(`${FOLDER}schema/case-file.json`)) as object);
    const file = JSON.parse(read(path)) as (typeof FILES)[string];
    const rules = [...read("src/protocol/PROTOCOL.md").matchAll(/^\s*- \*\*([A-Z]\d+)\*\* /gm)].map(
      (match) => match[1],
    );

    validate(file);

    expect(validate.errors).toBeNull();
    expect(file.cases.flatMap((each) => each.rules).filter((rule) => !rules.includes(rule))).toEqual([]);
  });

  it("every file of conformance cases is run", () => {
    expect(Object.keys(FILES).map((name) => `${FOLDER}${name}.json`)).toEqual(paths);
  });

  it("no two conformance cases have the same title", () => {
    const titles = Object.values(FILES).flatMap(({ cases }) => cases.map(({ title }) => title));

    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it("the README of the conformance cases lists every file", () => {
    const readme = read(`${FOLDER}README.md`);

    for (const name of Object.keys(FILES)) expect(readme).toContain(`\`${name}.json\``);
  });
});
