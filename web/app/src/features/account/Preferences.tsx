/** Which notifications reach the user, and how. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { sessionQuery } from "../../lib/session";
import { useText, type Translate } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { eventName } from "../../ui/events";
import { Card } from "../../ui/Page";
import { Table } from "../../ui/Table";

const CHANNELS = ["inApp", "email", "webhook"] as const;
type Channel = (typeof CHANNELS)[number];
type Settings = Schemas["NotificationSettings"];
type Event = Schemas["UserEvent"];

function events(settings: Settings): Event[] {
  return Object.keys(settings) as Event[];
}

function heads(t: Translate) {
  return [t("account.event"), ...CHANNELS.map((each) => t(`account.channel.${each}`))];
}

export function Preferences({ account }: { account: Schemas["Account"] }) {
  const t = useText();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: ({ event, channel, on }: { event: Event; channel: Channel; on: boolean }) =>
      rostrum.patch("/api/v1/users/me", { body: { notificationSettings: { [event]: { [channel]: on } } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
  return (
    <Card title={t("account.preferences")} className="lg:col-span-2">
      {change.isError && <ErrorNotice error={change.error} />}
      <Table label={t("account.preferences")} head={heads(t)}>
        {events(account.notificationSettings).map((event) => (
          <tr key={event}>
            <th scope="row" className="px-3 py-2 font-normal">
              {eventName(t, event)}
            </th>
            {CHANNELS.map((channel) => (
              <td key={channel}>
                <input
                  type="checkbox"
                  className="accent-accent size-6"
                  aria-label={`${eventName(t, event)}: ${t(`account.channel.${channel}`)}`}
                  checked={account.notificationSettings[event][channel]}
                  disabled={change.isPending}
                  onChange={({ target }) => change.mutate({ event, channel, on: target.checked })}
                />
              </td>
            ))}
          </tr>
        ))}
      </Table>
    </Card>
  );
}
