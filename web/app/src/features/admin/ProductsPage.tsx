/** The products of flash sales. */
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { toMinor } from "rostrum-client";
import { useFormats } from "../../lib/format";
import { rostrum } from "../../lib/rostrum";
import { useText } from "../../lib/text";
import { Card, Empty } from "../../ui/Page";
import { AdminPage } from "./AdminPage";
import { AdminTable } from "./AdminTable";
import { readProduct } from "./product";
import { ProductForm } from "./ProductForm";
import { productsQuery } from "./queries";

function Create() {
  const t = useText();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: (form: FormData) => rostrum.post("/api/v1/products", { body: readProduct(form) }),
    onSuccess: ({ id }) => navigate({ to: "/admin/products/$id", params: { id } }),
  });
  return (
    <Card title={t("admin.newProduct")}>
      <ProductForm act={create} text={t("admin.create")} />
    </Card>
  );
}

function List() {
  const t = useText();
  const { money, date } = useFormats();
  return (
    <>
      <Create />
      <AdminTable
        label={t("admin.products")}
        query={useInfiniteQuery(productsQuery)}
        empty={<Empty>{t("admin.nothing")}</Empty>}
        head={[t("admin.name"), t("admin.category"), t("admin.price"), t("admin.since")]}
        keyOf={(product) => product.id}
      >
        {(product) => (
          <>
            <td>
              <Link to="/admin/products/$id" params={{ id: product.id }} className="underline">
                {product.name}
              </Link>
            </td>
            <td>{product.category}</td>
            <td className="text-right tabular-nums">{money(toMinor(product.basePrice))}</td>
            <td className="whitespace-nowrap">{date(product.createdAt)}</td>
          </>
        )}
      </AdminTable>
    </>
  );
}

export function ProductsPage() {
  const t = useText();
  return (
    <AdminPage title={t("admin.products")}>
      <List />
    </AdminPage>
  );
}
