/** The ids of all texts. A folder that gets texts is added here. */
type Ids<T> = keyof T & string;

export type TextId =
  | Ids<typeof import("../shell/text.en.json")>
  | Ids<typeof import("../ui/text.en.json")>
  | Ids<typeof import("../features/account/text.en.json")>
  | Ids<typeof import("../features/admin/text.en.json")>
  | Ids<typeof import("../features/auction/text.en.json")>
  | Ids<typeof import("../features/browse/text.en.json")>
  | Ids<typeof import("../features/me/text.en.json")>
  | Ids<typeof import("../features/sales/text.en.json")>
  | Ids<typeof import("../features/sell/text.en.json")>
  | Ids<typeof import("../features/webhooks/text.en.json")>;
