/**
 * Keeps the focus on the page: if the element that has it is taken away, as by an act that removes its own button, the
 * content gets it. Keyboards and screen readers then go on from there, and not from the start of the document.
 */
export function keepFocus(): void {
  let last: Element | null = null;
  document.addEventListener("focusin", ({ target }) => {
    last = target instanceof Element ? target : null;
  });
  document.addEventListener("focusout", ({ target }) => {
    // Whoever leaves an element that stays has left it on purpose.
    queueMicrotask(() => {
      if (last === target && last?.isConnected === true) {
        last = null;
      }
    });
  });
  new MutationObserver(() => {
    if (last?.isConnected === false && document.activeElement === document.body) {
      last = null;
      document.getElementById("content")?.focus({ preventScroll: true });
    }
  }).observe(document.body, { childList: true, subtree: true });
}
