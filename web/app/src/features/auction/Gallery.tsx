/** The pictures of an auction: one large, the others small, and each in full size in a dialog. */
import { useState } from "react";
import type { Auction } from "rostrum-client";
import { useText } from "../../lib/text";
import { Dialog } from "../../ui/Dialog";
import { Picture } from "../../ui/Picture";

export function Gallery({ images, title }: { images: Auction["images"]; title: string }) {
  const t = useText();
  const [chosen, setChosen] = useState(0);
  const [zoomed, setZoomed] = useState(false);
  const image = images[chosen];
  if (image === undefined) {
    return (
      <Picture image={undefined} alt="" sizes="100vw" className="aspect-[4/3] rounded-(--radius-card) max-lg:hidden" />
    );
  }
  const label = t("auction.picture", { number: chosen + 1, count: images.length, title });
  return (
    <div className="grid gap-3">
      <button
        type="button"
        className="overflow-hidden rounded-(--radius-card)"
        onClick={() => setZoomed(true)}
        aria-label={t("auction.zoom")}
      >
        <Picture
          image={image}
          alt={label}
          first
          sizes="(min-width: 64rem) 44rem, 100vw"
          className="aspect-[4/3] object-contain"
        />
      </button>
      {images.length > 1 && (
        <div className="flex gap-2 overflow-x-auto p-1">
          {images.map((each, index) => (
            <button
              key={each.id}
              type="button"
              aria-pressed={index === chosen}
              aria-label={t("auction.picture", { number: index + 1, count: images.length, title })}
              onClick={() => setChosen(index)}
              className="aria-pressed:outline-accent shrink-0 overflow-hidden rounded-lg aria-pressed:outline-2"
            >
              <img src={each.thumbnails["160"]} alt="" width="80" height="80" className="size-20 object-cover" />
            </button>
          ))}
        </div>
      )}
      <Dialog title={title} open={zoomed} onClose={() => setZoomed(false)}>
        <img src={image.thumbnails["1600"]} alt={label} className="max-h-[80dvh] w-full object-contain" />
      </Dialog>
    </div>
  );
}
