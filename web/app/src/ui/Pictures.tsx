/** Uploads pictures one after the other, with progress, and removes them. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../lib/api";
import { rostrum } from "../lib/rostrum";
import { useText } from "../lib/text";
import { Button } from "./Button";
import { ErrorNotice } from "./ErrorNotice";

const TYPES = "image/jpeg,image/png,image/webp";

interface PicturesProps {
  images: Schemas["Image"][];
  /** Where pictures are sent. */
  path: string;
  onRemove: (id: string) => Promise<unknown>;
  onChanged: () => Promise<unknown>;
}

export function Pictures({ images, path, onRemove, onChanged }: PicturesProps) {
  const t = useText();
  const [sent, setSent] = useState(0);
  const upload = useMutation({
    mutationFn: async (files: File[]) => {
      for (const [index, file] of files.entries()) {
        await rostrum.upload(path, file, (part) => {
          setSent((index + part) / files.length);
        });
      }
    },
    onSettled: onChanged,
  });
  const remove = useMutation({ mutationFn: onRemove, onSettled: onChanged });
  return (
    <div className="grid gap-4">
      <label className="border-edge grid min-h-24 place-items-center rounded-lg border border-dashed p-4 text-center focus-within:outline-2">
        <span>{t("ui.addPictures")}</span>
        <input
          type="file"
          accept={TYPES}
          multiple
          className="sr-only"
          disabled={upload.isPending}
          onChange={({ target }) => {
            upload.mutate([...(target.files ?? [])]);
            target.value = "";
          }}
        />
      </label>
      {upload.isPending && <progress className="accent-accent w-full" value={sent} aria-label={t("ui.uploading")} />}
      {(upload.isError || remove.isError) && <ErrorNotice error={upload.error ?? remove.error} />}
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(8rem,1fr))] gap-3">
        {images.map((image, index) => (
          <li key={image.id} className="grid gap-2">
            <img
              src={image.thumbnails["640"]}
              alt={t("ui.pictureNumber", { number: index + 1 })}
              width="160"
              height="120"
              className="bg-raised aspect-[4/3] w-full rounded-lg object-cover"
            />
            <Button
              busy={remove.isPending && remove.variables === image.id}
              onClick={() => {
                remove.mutate(image.id);
              }}
            >
              {t("ui.remove")}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
