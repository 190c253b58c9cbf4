-- For wrk: bids on the auctions of BENCH_STAGE (see seed.c), one thread. HOT=1: all on one auction. Amounts rise with
-- every request, so that most bids are valid, and the bidder is another one each time; as in the peer's load.lua.
dofile(os.getenv("BENCH_STAGE"))
local hot = os.getenv("HOT") == "1"
local n = 0
local counts = {}

function init()
  math.randomseed(os.time())
end

function request()
  n = n + 1
  local auction = hot and ids[1] or ids[math.random(#ids)]
  return wrk.format("POST", "/api/v1/auctions/" .. auction .. "/bids",
    { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. toks[math.random(#toks)] },
    string.format('{"amount":%d}', 1000 + n))
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
  codes = ""
  for code, count in pairs(counts) do codes = codes .. code .. "=" .. count .. " " end
end

local threads = {}
function setup(thread) table.insert(threads, thread) end
function done()
  local all = {}
  for _, thread in ipairs(threads) do all[#all + 1] = thread:get("codes") or "" end
  print("codes: " .. table.concat(all, "| "))
end
