/** What a keyboard alone can do with a page: a walk through all of it, and the way to one element. */
import type { Locator, Page } from "playwright-core";

const STOPS_MAX = 400; // of a walk; the longest page has about 100
const BATCH = 20; // presses between two looks at the walk

interface Walk {
  /** What is to get the focus, unless it goes away in between. */
  expected: Element[];
  stops: Element[];
  faults: string[];
  /** The focus has left the last element, or has come to the first one again. */
  ended: boolean;
}

/** Runs in the page: notes each element that gets the focus, and what is wrong with it. */
function watchWalk() {
  const nameOf = (element: Element) => element.outerHTML.slice(0, 120);
  const tags = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  // Of radio buttons the group is one stop.
  const expected = [...document.querySelectorAll(tags)].filter((each) => !each.matches("[type=radio]"));
  const walk: Walk = { expected, stops: [], faults: [], ended: false };
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLElement) || walk.ended) {
      return;
    }
    const before = walk.stops.at(-1);
    if (target === walk.stops[0]) {
      walk.ended = true;
      return;
    }
    if (walk.stops.includes(target)) {
      walk.faults.push(`the focus came back to ${nameOf(target)}`);
    } else if (before !== undefined && !(before.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING)) {
      walk.faults.push(`the focus went backwards to ${nameOf(target)}`);
    }
    const { outlineStyle, outlineWidth } = getComputedStyle(target);
    if (outlineStyle === "none" || parseFloat(outlineWidth) === 0) {
      walk.faults.push(`the focus cannot be seen on ${nameOf(target)}`);
    }
    const { width, height, right, bottom } = target.getBoundingClientRect();
    if (width === 0 || height === 0 || right <= 0 || bottom <= 0) {
      walk.faults.push(`what has the focus cannot be seen: ${nameOf(target)}`);
    }
    walk.stops.push(target);
  });
  Object.assign(window, { walk });
}

/** Runs in the page: whether the walk is over, and at its end what it has not come to. */
function lookAtWalk() {
  const { expected, stops, faults, ended } = (window as unknown as { walk: Walk }).walk;
  const left = stops.length > 0 && document.activeElement === document.body;
  const missed = expected.filter(
    (each) =>
      !stops.includes(each) &&
      each.checkVisibility({ visibilityProperty: true }) &&
      !each.matches(":disabled, [tabindex='-1']"),
  );
  if (ended || left) {
    return [...faults, ...missed.map((each) => `the focus never came to ${each.outerHTML.slice(0, 120)}`)];
  }
  return faults.length > 0 ? faults : null;
}

/** Goes through the page by Tab, from its start to its end. Returns what was wrong. */
export async function walkByTab(page: Page): Promise<string[]> {
  await page.evaluate(watchWalk);
  for (let pressed = 0; pressed < STOPS_MAX; pressed += BATCH) {
    for (let each = 0; each < BATCH; each += 1) {
      await page.keyboard.press("Tab");
    }
    const faults = await page.evaluate(lookAtWalk);
    if (faults !== null) {
      return faults;
    }
  }
  return [`the focus did not come to the end in ${String(STOPS_MAX)} steps`];
}

/** Presses Tab until the focus is on the element, as it must be within `STOPS_MAX` steps. */
export async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor();
  for (let pressed = 0; pressed < STOPS_MAX; pressed += 1) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      return;
    }
  }
  throw new Error(`Tab does not lead to ${String(wanted)}`);
}
