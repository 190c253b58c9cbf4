/** The terms of a flash sale as their form gives them. */
import type { Schemas } from "../../lib/api";
import { amountOf, textOf, toLocal } from "../../lib/form";

const TIMES = ["joinTime", "startTime", "endTime"] as const;

function timeOf(form: FormData, name: string): string {
  return new Date(textOf(form, name)).toISOString();
}

function countsOf(form: FormData) {
  return {
    flashPrice: amountOf(form, "flashPrice"),
    quantityAvailable: Number(textOf(form, "quantityAvailable")),
    perUserLimit: Number(textOf(form, "perUserLimit")),
    turnSeconds: Number(textOf(form, "turnSeconds")),
    reservationSeconds: Number(textOf(form, "reservationSeconds")),
    payment: textOf(form, "payment") === "callback" ? ("callback" as const) : ("none" as const),
  };
}

export function readNewSale(productId: string, form: FormData): Schemas["NewFlashSale"] {
  return {
    ...countsOf(form),
    productId,
    joinTime: textOf(form, "joinTime") === "" ? null : timeOf(form, "joinTime"),
    startTime: timeOf(form, "startTime"),
    endTime: timeOf(form, "endTime"),
  };
}

/** The fields of times have no seconds, so a time that was not touched is left as it is. */
export function readSaleChange(sale: Schemas["FlashSale"], form: FormData): Schemas["SaleChange"] {
  const touched = TIMES.filter((name) => textOf(form, name) !== toLocal(Date.parse(sale[name])));
  return {
    ...countsOf(form),
    version: sale.version,
    ...Object.fromEntries(touched.map((name) => [name, timeOf(form, name)])),
  };
}
