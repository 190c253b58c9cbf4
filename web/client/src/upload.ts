// Uploads of images: by XMLHttpRequest where there is one, because only it reports progress; else by fetch. Neither waits
// forever for a server that takes no bytes or does not answer.
import { ApiError, NetworkError } from "./errors.ts";
import { currentToken, deadline, type Http, type HttpOptions } from "./http.ts";
import { randomKey } from "./keys.ts";
import type { Image } from "./types.ts";

/** An upload ends if for so long no byte was sent and no answer came. */
export const STALL_MS = 30_000;
const LEAST_BYTES_PER_MS = 16; // without progress: the slowest upload that is waited for

/** Receives the part that is sent, from 0 to 1. */
export type Progress = (part: number) => void;

interface Upload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly file: Blob;
  readonly onProgress: Progress | undefined;
  readonly signal: AbortSignal;
  /** Called when bytes were sent. */
  readonly sent: () => void;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function lost(cause?: unknown): NetworkError {
  return new NetworkError("The upload was interrupted", true, { cause });
}

function byXmlHttpRequest({ url, headers, file, onProgress, signal, sent }: Upload): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = (): void => {
      request.abort();
      reject(signal.reason as Error);
    };
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      sent();
      if (event.lengthComputable) onProgress?.(event.loaded / event.total);
    };
    request.onerror = () => {
      reject(lost());
    };
    request.onload = () => {
      const data = parse(request.responseText);
      if (request.status < 300) resolve(data);
      else reject(new ApiError(request.status, data, headersOf(request)));
    };
    request.onloadend = () => {
      signal.removeEventListener("abort", stop);
    };
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener("abort", stop, { once: true });
    request.send(file);
  });
}

function headersOf(request: XMLHttpRequest): Headers {
  const headers = new Headers();
  for (const name of ["Retry-After", "X-Request-Id"]) {
    const value = request.getResponseHeader(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

async function byFetch(
  fetch: typeof globalThis.fetch,
  { url, headers, file, onProgress, signal }: Upload,
): Promise<unknown> {
  let response: Response;
  let data: unknown;
  try {
    response = await fetch(url, { method: "POST", headers, body: file, signal });
    data = parse(await response.text());
  } catch (error) {
    if (signal.aborted) throw error;
    throw lost(error);
  }
  if (!response.ok) throw new ApiError(response.status, data, response.headers);
  onProgress?.(1);
  return data;
}

/** Sends a file, again with the same key if no answer came. `path` is one of the two image routes, with its id. */
export async function upload(
  http: Http,
  options: HttpOptions,
  path: string,
  file: Blob,
  onProgress?: Progress,
  signal?: AbortSignal | null,
): Promise<Image> {
  const key = randomKey();
  const attempt = async (): Promise<unknown> => {
    const token = await currentToken(options.token);
    const headers: Record<string, string> = { "Content-Type": file.type, "Idempotency-Key": key };
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    const reports = typeof XMLHttpRequest !== "undefined";
    const limit = deadline(STALL_MS + (reports ? 0 : file.size / LEAST_BYTES_PER_MS), signal ?? null);
    const each = { url: options.baseUrl + path, headers, file, onProgress, signal: limit.signal, sent: limit.renew };
    try {
      return await (reports ? byXmlHttpRequest(each) : byFetch(options.fetch, each));
    } catch (error) {
      throw limit.late() ? new NetworkError("The upload stalled", true, { cause: error }) : error;
    } finally {
      limit.clear();
    }
  };
  return (await http.withTries(true, true, signal ?? null, attempt)) as Image;
}
