/** ProductsPage */
export function ProductsPage() {
  return <h1>ProductsPage</h1>;
}
