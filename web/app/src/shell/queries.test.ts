/** When reading and acting is done. */
import { onlineManager } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { queries } from "./queries";

test("an act without a network is tried now and fails: it never waits to be done later", async () => {
  onlineManager.setOnline(false);
  const act = vi.fn(() => Promise.reject(new Error("no network")));
  const mutation = queries.getMutationCache().build(queries, { mutationFn: act });
  const done = expect(mutation.execute(undefined)).rejects.toThrow("no network");
  await vi.waitFor(() => expect(act).toHaveBeenCalledOnce(), { timeout: 30_000 });
  await done;
  onlineManager.setOnline(true);
});
