/** The price over time, as steps. uPlot draws on a canvas that React does not know, hence the effect. */
import { useEffect, useRef } from "react";
import type { PublicBid } from "rostrum-client";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { useTheme } from "../../lib/theme";

const HEIGHT_PX = 200;
const AXIS_PX = 80;
const TICK_PX = 90; // from one time to the next

function points(bids: readonly PublicBid[]): uPlot.AlignedData {
  const old = [...bids].reverse();
  return [old.map((bid) => bid.createdAt / 1000), old.map((bid) => bid.amount)];
}

function colour(element: HTMLElement, name: string) {
  // A canvas knows no light-dark(): the browser resolves it in a property of an element.
  element.style.color = `var(${name})`;
  const value = getComputedStyle(element).color;
  element.style.color = "";
  return value;
}

export default function PriceChart({ bids, currency }: { bids: readonly PublicBid[]; currency: string }) {
  const t = useText();
  const { money, tick } = useFormats();
  const { theme } = useTheme();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return undefined;
    }
    const [line, ink, grid] = ["--color-accent", "--color-muted", "--color-line"].map((name) => colour(element, name));
    const axis = { stroke: ink ?? "", grid: { stroke: grid ?? "" }, ticks: { stroke: grid ?? "" } };
    const span = (bids[0]?.createdAt ?? 0) - (bids.at(-1)?.createdAt ?? 0);
    const times = (_: uPlot, ticks: number[]) => ticks.map((each) => tick(each * 1000, span));
    const steps = uPlot.paths.stepped?.({ align: 1 });
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { show: false },
        series: [{}, { stroke: line ?? "", width: 2, ...(steps !== undefined && { paths: steps }) }],
        axes: [
          { ...axis, space: TICK_PX, values: times },
          { ...axis, size: AXIS_PX, values: (_, ticks) => ticks.map((each) => money(each, currency)) },
        ],
      },
      points(bids),
      element,
    );
    const watcher = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      chart.destroy();
    };
  }, [bids, currency, money, theme, tick]);
  return (
    <div
      ref={place}
      role="img"
      aria-label={t("auction.chart", { count: bids.length })}
      className="h-50 overflow-hidden"
    />
  );
}
