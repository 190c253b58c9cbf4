-- For wrk: bids, one thread. Both sides get the same load from it:
--
--   BENCH_FIXTURE  a Lua file that sets `ids` (auctions) and `toks` (session tokens)
--   BENCH_PATH   what stands before an auction's id
--   BENCH_FIELD  what stands behind the amount in the body, with %d for the number of the request; may be empty
--   HOT          1: all on one auction
--   BENCH_DELAY  milliseconds that a connection pauses before each request; without it, full load
--
-- Amounts rise with every request, so that most bids are valid, and the bidder is another one each time. The generator
-- shares the processors with what it measures: so texts are put together by hand, and no function `response` makes wrk
-- build a table of headers for each answer.
dofile(os.getenv("BENCH_FIXTURE"))
local hot = os.getenv("HOT") == "1"
local path = os.getenv("BENCH_PATH")
local field = os.getenv("BENCH_FIELD") or ""
local n = 0

if os.getenv("BENCH_DELAY") then
  local pause = tonumber(os.getenv("BENCH_DELAY"))
  function delay()
    return pause
  end
end

function init()
  math.randomseed(os.time())
end

function request()
  n = n + 1
  local auction = hot and ids[1] or ids[math.random(#ids)]
  local body = '{"amount":' .. 1000 + n .. string.format(field, n) .. "}"
  return "POST " .. path .. auction .. "/bids HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" ..
    "Authorization: Bearer " .. toks[math.random(#toks)] .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary)
  print("answers: " .. summary.requests .. " refused: " .. summary.errors.status)
end
