/** A picture in the size that its place needs. Its box keeps its shape while the picture loads, so nothing moves. */
import type { Schemas } from "../lib/api";

interface PictureProps {
  image: Schemas["Image"] | undefined;
  alt: string;
  sizes: string;
  /** The first picture of a page: it is loaded at once. */
  first?: boolean;
  className?: string;
}

export function Picture({ image, alt, sizes, first = false, className = "aspect-[4/3]" }: PictureProps) {
  if (image === undefined) {
    return <div aria-hidden="true" className={`bg-raised w-full ${className}`} />;
  }
  const sources = Object.entries(image.thumbnails).map(([width, url]) => `${url} ${width}w`);
  return (
    <img
      src={image.thumbnails["640"]}
      srcSet={sources.join(", ")}
      sizes={sizes}
      alt={alt}
      width="640"
      height="480"
      loading={first ? "eager" : "lazy"}
      fetchPriority={first ? "high" : "auto"}
      decoding="async"
      className={`bg-raised w-full object-cover ${className}`}
    />
  );
}
