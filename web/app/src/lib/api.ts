/** The schemas of the API by name, as the OpenAPI document defines them. */
import type { components } from "rostrum-client";

export type Schemas = components["schemas"];
