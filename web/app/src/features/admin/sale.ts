/** The terms of a flash sale as their form gives them. */
import type { Schemas } from "../../lib/api";
import { amountOf, textOf } from "../../lib/form";

function timeOf(form: FormData, name: string): string {
  return new Date(textOf(form, name)).toISOString();
}

export function readNewSale(productId: string, form: FormData): Schemas["NewFlashSale"] {
  return {
    productId,
    flashPrice: amountOf(form, "flashPrice"),
    quantityAvailable: Number(textOf(form, "quantity")),
    perUserLimit: Number(textOf(form, "limit")),
    startTime: timeOf(form, "startTime"),
    endTime: timeOf(form, "endTime"),
    turnSeconds: Number(textOf(form, "turn")),
    reservationSeconds: Number(textOf(form, "reservation")),
    payment: textOf(form, "payment") === "callback" ? "callback" : "none",
  };
}
