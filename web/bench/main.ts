/**
 * What the pages cost their visitors: compressed script, first paint, the way of a bid to another page's pixels, frames of a
 * live list. Called by tests/bench/web-run (`make bench-web`), which names a deployment in the environment. The figures are
 * printed. Only the size of the auction page is asserted: it does not depend on the machine.
 */
import { Stage } from "../stories/stage.ts";
import { measureFrames } from "./frames.ts";
import { measurePaint } from "./paint.ts";
import { measurePixels } from "./pixels.ts";
import { setScene } from "./scene.ts";
import { measureScript } from "./script.ts";

const stage = await Stage.open();
try {
  const scene = await setScene(stage);
  const small = await measureScript(stage, scene);
  await measurePaint(stage, scene);
  await measurePixels(stage, scene);
  await measureFrames(stage, scene);
  process.exitCode = small ? 0 : 1;
} finally {
  await stage.close();
}
