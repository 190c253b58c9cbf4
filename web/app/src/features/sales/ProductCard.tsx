/** The product of a sale: pictures, description, ordinary price. */
import { useQuery } from "@tanstack/react-query";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card, Skeleton } from "../../ui/Page";
import { Picture } from "../../ui/Picture";
import { productQuery } from "./queries";

export function ProductCard({ productId }: { productId: string }) {
  const t = useText();
  const { money } = useFormats();
  const query = useQuery(productQuery(productId));
  const product = query.data;
  if (product === undefined) {
    return query.isError ? <ErrorNotice error={query.error} /> : <Skeleton className="h-96" />;
  }
  return (
    <Card>
      <Picture
        image={product.images[0]}
        alt={product.name}
        first
        sizes="(min-width: 64rem) 44rem, 100vw"
        className="aspect-[4/3] rounded-lg"
      />
      {product.description !== "" && <p className="whitespace-pre-line">{product.description}</p>}
      <p className="text-muted">
        {t("sales.basePrice", { price: money(toMinor(product.basePrice), product.currency) })}
      </p>
    </Card>
  );
}
