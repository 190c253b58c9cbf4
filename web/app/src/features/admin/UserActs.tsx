/** Banning a user, lifting the ban, and giving or taking the role of an admin. */
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Card } from "../../ui/Page";
import { Act } from "./Act";

export function UserActs({ user }: { user: Schemas["AdminUserDetail"] }) {
  const t = useText();
  const params = { path: { id: user.id } };
  const role = user.role === "admin" ? "user" : "admin";
  const name = user.displayName;
  return (
    <Card title={t("admin.acts")}>
      <div className="flex flex-wrap gap-3">
        {user.bannedAt === null ? (
          <Act
            text={t("admin.ban")}
            act={(reason) => rostrum.post("/api/v1/admin/users/{id}/ban", { params, body: { reason } })}
          >
            {t("admin.banExplained", { name })}
          </Act>
        ) : (
          <Act
            text={t("admin.unban")}
            kind="plain"
            act={(reason) => rostrum.post("/api/v1/admin/users/{id}/unban", { params, body: { reason } })}
          >
            {t("admin.unbanExplained", { name })}
          </Act>
        )}
        <Act
          text={t(`admin.make.${role}`)}
          act={(reason) => rostrum.put("/api/v1/admin/users/{id}/role", { params, body: { role, reason } })}
        >
          {t(`admin.makeExplained.${role}`, { name })}
        </Act>
      </div>
    </Card>
  );
}
