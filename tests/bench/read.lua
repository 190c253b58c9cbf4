-- For wrk: GET of the auctions of BENCH_FIXTURE (see seed.c), one thread. HOT=1: always the same one.
dofile(os.getenv("BENCH_FIXTURE"))
local hot = os.getenv("HOT") == "1"

function init()
  math.randomseed(os.time())
end

function request()
  return wrk.format("GET", "/api/v1/auctions/" .. (hot and ids[1] or ids[math.random(#ids)]))
end
