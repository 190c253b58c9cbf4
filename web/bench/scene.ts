/** What the pages show while they are measured: auctions with pictures, and people. */
import type { Page } from "playwright-core";
import { bid, newAccount, newAdmin, newAuction, URL_OF, type Account, type Stage } from "../stories/stage.ts";

/** As many as "100 live cards" asks for; the list reads 24 at a time. */
export const CARDS = 100;
const PICTURES = 6; // different ones; auctions share them
const PICTURES_OF_FIRST = 3;
const SALE_STARTS_MS = 2_000;
const DAY_MS = 86_400_000;

export interface Scene {
  admin: Account;
  bidders: [Account, Account];
  seller: Account;
  /** Those of the list. */
  auctions: string[];
  /** One of them with three pictures and two bids, so with all that an auction's page can show. */
  first: string;
  sale: string;
}

/** Pictures as a camera has them: soft colours with some detail, so that their files have usual sizes. */
async function drawPictures(page: Page): Promise<Blob[]> {
  const texts = await page.evaluate((count) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1600, height: 1200 });
    const context = canvas.getContext("2d");
    return Array.from({ length: count }, () => {
      if (context === null) {
        return "";
      }
      for (let shape = 0; shape < 400; shape += 1) {
        const [x, y, size] = [Math.random() * 1600, Math.random() * 1200, 20 + Math.random() * 300];
        const colours = context.createLinearGradient(x, y, x + size, y + size);
        colours.addColorStop(0, `hsl(${String(Math.random() * 360)} 40% 60%)`);
        colours.addColorStop(1, `hsl(${String(Math.random() * 360)} 50% 30%)`);
        context.fillStyle = colours;
        context.fillRect(x - size / 2, y - size / 2, size, size);
      }
      return canvas.toDataURL("image/jpeg", 0.9).split(",")[1] ?? "";
    });
  }, PICTURES);
  return texts.map((text) => new Blob([Buffer.from(text, "base64")], { type: "image/jpeg" }));
}

async function addPicture(seller: Account, auction: string, picture: Blob): Promise<void> {
  const answer = await fetch(`${URL_OF}/api/v1/auctions/${auction}/images`, {
    method: "POST",
    headers: { "Content-Type": picture.type, Authorization: `Bearer ${seller.token}` },
    body: picture,
  });
  if (!answer.ok) {
    throw new Error(`a picture: ${String(answer.status)} ${await answer.text()}`);
  }
}

async function newSale(admin: Account): Promise<string> {
  const product = await admin.send("POST", "/products", { name: "A radio", basePrice: "80.00" });
  const sale = await admin.send("POST", "/flash-sales", {
    productId: product.id,
    flashPrice: "49.00",
    quantityAvailable: 5,
    startTime: new Date(Date.now() + SALE_STARTS_MS).toISOString(),
    endTime: new Date(Date.now() + DAY_MS).toISOString(),
  });
  return sale.id;
}

export async function setScene(stage: Stage): Promise<Scene> {
  const { page } = await stage.person();
  const pictures = await drawPictures(page);
  await stage.end();
  const [seller, admin] = [await newAccount("Sam"), await newAdmin("Ada")];
  const bidders: [Account, Account] = [await newAccount("Ann"), await newAccount("Ben")];
  const auctions: string[] = [];
  for (let number = CARDS; number >= 1; number -= 1) {
    const auction = await newAuction(seller, {
      title: `A chair of oak, number ${String(number)}`,
      lastsS: DAY_MS / 1000,
    });
    const count = number === 1 ? PICTURES_OF_FIRST : 1;
    for (let each = 0; each < count; each += 1) {
      const picture = pictures[(number + each) % PICTURES];
      if (picture !== undefined) {
        await addPicture(seller, auction, picture);
      }
    }
    auctions.push(auction);
  }
  const first = auctions.at(-1) ?? "";
  await bid(bidders[0], first, "10.00");
  await bid(bidders[1], first, "20.00");
  return { admin, bidders, seller, auctions, first, sale: await newSale(admin) };
}
