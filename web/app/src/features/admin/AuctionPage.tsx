/** AuctionPage */
export function AuctionPage() {
  return <h1>AuctionPage</h1>;
}
