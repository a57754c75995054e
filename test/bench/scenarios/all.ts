import { bytes } from "./bytes.ts";
import { fanout } from "./fanout.ts";
import { flood } from "./flood.ts";
import { idle } from "./idle.ts";
import { joins } from "./joins.ts";
import { micro } from "./micro.ts";
import { quiet } from "./quiet.ts";
import { restart } from "./restart.ts";
import { resume } from "./resume.ts";
import { rooms } from "./rooms.ts";
import { rows } from "./rows.ts";
import type { Scenario } from "./scenario.ts";
import { slow } from "./slow.ts";
import { talk } from "./talk.ts";
import { wake } from "./wake.ts";

/** Every scenario, in the order of results. */
export const SCENARIOS: readonly Scenario[] = [
  fanout,
  talk,
  quiet,
  joins,
  idle,
  rooms,
  resume,
  restart,
  bytes,
  slow,
  flood,
  rows,
  wake,
  micro,
];
