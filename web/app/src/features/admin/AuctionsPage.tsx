/** AuctionsPage */
export function AuctionsPage() {
  return <h1>AuctionsPage</h1>;
}
