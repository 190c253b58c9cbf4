/** Modules that the build makes. */
declare module "virtual:messages" {
  type Load = () => Promise<{ default: import("@lingui/core").Messages }>;
  const table: Record<import("./lib/text").Language, Record<"common" | import("./lib/text").Part, Load>>;
  export default table;
}
