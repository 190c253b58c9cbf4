/** A product: its members, its pictures, and a new flash sale of it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card, Skeleton } from "../../ui/Page";
import { Pictures } from "../../ui/Pictures";
import { AdminPage } from "./AdminPage";
import { ProductForm, type ProductValues } from "./ProductForm";
import { productQuery } from "./queries";
import { SaleForm } from "./SaleForm";

const route = getRouteApi("/admin/products/$id");

function Edit({ product }: { product: Schemas["Product"] }) {
  const t = useText();
  const queries = useQueryClient();
  const params = { path: { id: product.id } };
  const changed = () => queries.invalidateQueries({ queryKey: ["admin"] });
  const save = useMutation({
    mutationFn: (values: ProductValues) =>
      rostrum.put("/api/v1/products/{id}", { params, body: { ...values, version: product.version } }),
    onSuccess: changed,
  });
  return (
    <>
      <Card title={product.name}>
        <ProductForm
          key={product.version}
          product={product}
          act={t("admin.save")}
          busy={save.isPending}
          error={save.error}
          onSave={(values) => {
            save.mutate(values);
          }}
        />
      </Card>
      <Card title={t("admin.pictures")}>
        <Pictures
          images={product.images}
          path={`/api/v1/products/${product.id}/images`}
          onRemove={(imageId) =>
            rostrum.del("/api/v1/products/{id}/images/{imageId}", { params: { path: { id: product.id, imageId } } })
          }
          onChanged={changed}
        />
      </Card>
      <Card title={t("admin.newSale")}>
        <SaleForm productId={product.id} />
      </Card>
    </>
  );
}

function Shown() {
  const { id } = route.useParams();
  const query = useQuery(productQuery(id));
  if (query.data !== undefined) {
    return <Edit product={query.data} />;
  }
  return query.isError ? (
    <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Skeleton className="h-96" />
  );
}

export function ProductPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.product")}>
      <Shown />
    </AdminPage>
  );
}
