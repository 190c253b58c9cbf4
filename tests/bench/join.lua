-- For wrk: joins to one flash sale, one thread. Each is of the next user, so that a line of as many people grows:
--
--   BENCH_FIXTURE  a Lua file that sets `sale` (its id) and `toks` (session tokens)
--   BENCH_FIRST    number of the first user
--   BENCH_WAIT     1: asks for the decision (Prefer: wait), which is answered 200 with the position
--   BENCH_DELAY    milliseconds that a connection pauses before each request; without it, full load
--
-- As in load.lua, texts are put together by hand, and no function `response` disturbs what is measured.
dofile(os.getenv("BENCH_FIXTURE"))
local n = tonumber(os.getenv("BENCH_FIRST")) or 0
local prefer = os.getenv("BENCH_WAIT") == "1" and "Prefer: wait=10\r\n" or ""
local body = '{"flashSaleId":"' .. sale .. '","quantity":1}'

if os.getenv("BENCH_DELAY") then
  local pause = tonumber(os.getenv("BENCH_DELAY"))
  function delay()
    return pause
  end
end

function request()
  n = n + 1
  return "POST /api/v1/queue/join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" .. prefer ..
    "Authorization: Bearer " .. toks[(n - 1) % #toks + 1] .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary)
  print("answers: " .. summary.requests .. " refused: " .. summary.errors.status)
end
