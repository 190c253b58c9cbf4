/** The calls for webhooks: those of a user and those of the deployment differ only in their paths and events. */
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";

export type Scope = "me" | "admin";
export type Webhook = Schemas["Webhook"];
export type Delivery = Schemas["WebhookDelivery"];

const PATHS = { me: "/api/v1/users/me/webhooks", admin: "/api/v1/admin/webhooks" } as const;

/** What both kinds take when one is made or changed. The server says which events it does not take. */
export interface WebhookTerms {
  url: string;
  description: string;
  events: Schemas["NewDeploymentWebhook"]["events"] & Schemas["NewWebhook"]["events"];
}

export function webhooksApi(scope: Scope) {
  const path = PATHS[scope];
  const one = (id: string) => ({ params: { path: { id } } });
  return {
    list: (signal: AbortSignal) => rostrum.get(path, { signal }),
    read: (id: string, signal: AbortSignal) => rostrum.get(`${path}/{id}`, { ...one(id), signal }),
    create: (body: WebhookTerms) => rostrum.post(path, { body }),
    change: (id: string, body: Partial<WebhookTerms> & { enabled?: boolean }) =>
      rostrum.patch(`${path}/{id}`, { ...one(id), body }),
    remove: (id: string) => rostrum.del(`${path}/{id}`, one(id)),
    rotate: (id: string) => rostrum.post(`${path}/{id}/secret`, one(id)),
    test: (id: string) => rostrum.post(`${path}/{id}/test`, one(id)),
    deliveries: (id: string, query: { limit: number; cursor?: string }, signal: AbortSignal) =>
      rostrum.get(`${path}/{id}/deliveries`, { params: { path: { id }, query }, signal }),
    redeliver: (id: string, deliveryId: string) =>
      rostrum.post(`${path}/{id}/deliveries/{deliveryId}/redeliver`, { params: { path: { id, deliveryId } } }),
  };
}
