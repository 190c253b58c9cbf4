/** A product as its form gives it. */
import type { Schemas } from "../../lib/api";
import { amountOf, textOf } from "../../lib/form";

export function readProduct(form: FormData): Schemas["NewProduct"] {
  return {
    name: textOf(form, "name"),
    category: textOf(form, "category"),
    description: textOf(form, "description"),
    basePrice: amountOf(form, "basePrice"),
  };
}
