/** A product: its members, its pictures, and a new flash sale of it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { Schemas } from "../../lib/api";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Card, Skeleton } from "../../ui/Page";
import { Pictures } from "../../ui/Pictures";
import { AdminPage } from "./AdminPage";
import { readProduct } from "./product";
import { ProductForm } from "./ProductForm";
import { productQuery } from "./queries";
import { readNewSale } from "./sale";
import { SaleForm } from "./SaleForm";

const route = getRouteApi("/admin/products/$id");

function Edit({ product }: { product: Schemas["Product"] }) {
  const t = useText();
  const queries = useQueryClient();
  const params = { path: { id: product.id } };
  const changed = () => queries.invalidateQueries({ queryKey: ["admin"] });
  const save = useMutation({
    mutationFn: (form: FormData) =>
      rostrum.put("/api/v1/products/{id}", { params, body: { ...readProduct(form), version: product.version } }),
    onSuccess: changed,
  });
  return (
    <>
      <Card title={product.name}>
        <ProductForm key={product.version} product={product} act={save} text={t("admin.save")} />
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
      <NewSale productId={product.id} />
    </>
  );
}

function NewSale({ productId }: { productId: string }) {
  const t = useText();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: (form: FormData) => rostrum.post("/api/v1/flash-sales", { body: readNewSale(productId, form) }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["admin"] });
      await navigate({ to: "/admin/sales" });
    },
  });
  return (
    <Card title={t("admin.newSale")}>
      <SaleForm act={create} text={t("admin.create")} />
    </Card>
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
